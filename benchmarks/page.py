"""Put the newest saved numbers, and their figures, into docs/performance.md.

    python benchmarks/page.py

Each table stands between two comments, `<!-- numbers: NAME -->` and `<!-- end -->`; what is between them is replaced.
What was not saved stays as it is, and is said.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attention
import density
import figures
import gat_epoch
import logits
import memory
import million
import report
import routes
import throughput
from machine import SIDE
from measure import Spread
from progress import tell
from report import latest

import generation

PAGE = Path(__file__).parent.parent / "docs/performance.md"


def main() -> None:
    figures.main()
    text = PAGE.read_text()
    for part, (name, write) in PARTS.items():
        file = latest(name)
        if file is None:
            tell(f"no saved numbers of {name}: {part} stays as it is")
            continue
        numbers = json.loads(file.read_text())
        origin = f"*{numbers['header']}*"
        text = filled(text, part, f"{write(numbers)}\n\n{origin}")
    PAGE.write_text(text)
    tell(f"wrote {PAGE}")


def filled(text: str, part: str, content: str) -> str:
    """The page with new content in one part."""
    found = re.compile(rf"(<!-- numbers: {part} -->\n).*?(\n<!-- end -->)", re.DOTALL)
    if len(found.findall(text)) != 1:
        raise SystemExit(f"{PAGE}: expected one part <!-- numbers: {part} --> … <!-- end -->")
    return found.sub(lambda match: f"{match[1]}\n{content}\n{match[2]}", text)


def the_machine(numbers: dict[str, Any]) -> str:
    return (
        f"A product of float32 matrices of {SIDE} × {SIDE} reaches {numbers['flops'] / 1e9:,.0f} GFLOP/s, a large copy "
        f"{numbers['bytes'] / 1e9:.1f} GB/s."
    )


def the_costs(numbers: dict[str, Any]) -> str:
    figure = "![What an edge costs, by graph and way](performance-attention.svg)"
    return f"{figure}\n\n{attention.costs(numbers['attention'])}"


def the_curves(numbers: dict[str, Any]) -> str:
    figure = "![Milliseconds over density](performance-density.svg)"
    return f"{figure}\n\n{density.curves(numbers['density'])}"


def the_epoch(numbers: dict[str, Any]) -> str:
    return gat_epoch.table({name: [Spread(**x) for x in found] for name, found in numbers["epoch"].items()})


def the_choices(numbers: dict[str, Any]) -> str:
    rows, late = numbers["routes"], [row for row in numbers["routes"] if max(row["slower"]) > routes.SLOWER]
    cells = [
        [row["graph"], row["route"], " / ".join(row["best"]), " / ".join(f"{x:.2f}" for x in row["slower"])]
        for row in late
    ]
    within = f"Within {routes.SLOWER} on {len(rows) - len(late)} of {len(rows)} graphs"
    if not late:
        return f"{within}."
    table = report.table(["graph", "plan", "best, forward / both", "auto over best, forward / both"], cells)
    return f"{within}; beyond it on\n\n{table}"


PARTS: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "machine": ("machine", the_machine),
    "attention": ("attention", the_costs),
    "promises": ("attention", lambda numbers: attention.verdicts(numbers["promises"])),
    "routes": ("routes", the_choices),
    "density": ("density", the_curves),
    "memory": ("memory", lambda numbers: memory.peaks(numbers["memory"])),
    "gat-epoch": ("gat-epoch", the_epoch),
    "million": ("million", lambda numbers: million.curve(numbers["million"])),
    "throughput": ("throughput", throughput.speeds),
    "throughput-goals": ("throughput", throughput.verdicts),
    "logits": ("logits", lambda numbers: logits.table(numbers["rows"])),
    "generation": ("generation", lambda numbers: generation.table(numbers["rows"])),
}

if __name__ == "__main__":
    main()
