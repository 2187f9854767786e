"""docs/support.md: which classes of transformers `rewire` takes, a row a family, from the latest saved coverage.

python benchmarks/support.py
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import report

PAGE = Path(__file__).parent.parent / "docs/support.md"
TITLES = {"text": "Text", "pictures": "Pictures", "sounds": "Sounds", "series": "Series", "rest": "The rest"}
WHY = {  # what the errors of rewire come to
    "computes attention by its own code": "its attention is its own code",
    "is of its text": "its text hears by code of its own",
    "hears its own sequence and another": "its own sequence and another in one attention",
    "a pattern cannot count them": "fewer keys than queries",
    "heard its own sequence": "hears nothing but another sequence",
    "which edgewise does not know": "its attention reads an argument of its own",
    "but its mask is of": "more keys than its mask knows",
    "would hear as before": "attention beside the interface",
    "is not softmax over": "no softmax",
    "differs from head to head": "a mask of its own for each head",
    "so that nothing tells what it computes": "no eager attention to compare with",
}
INTRO = """# Models of transformers

Which classes of transformers {version} `edgewise.rewire` takes, family by family ({date}, `benchmarks/coverage.py`).
A class is **equal** when, built tiny from its own config, its answers and gradients on a padded batch are those of
its own eager attention: on the complete graph, and in a window with the window's dense mask added to its own.
**Refused** is one clear error instead of an answer. **Not told**: it could not be built or run by itself (its own
forward fails on a generic batch, or it needs another package), or who is heard moves its answer no more than rounding
does, so that nothing is known of it; an attention that is not what it should be is noticed when it first runs beside
its own eager function, and refused.

No class answers differently without an error. The classes are those of every file that calls the attention interface;
the figures of each stand in `benchmarks/results/`. How to use it: [pretrained](rooms/pretrained.md).
"""


def support(saved: dict[str, Any], date: str) -> str:
    """The page, from the numbers of coverage.py."""
    rows = [row | {"domain": row.get("domain", kind)} for kind in ("text", "other") for row in saved.get(kind, [])]
    table = []
    parts = [INTRO.format(version=saved["transformers"], date=date)]
    for name, title in TITLES.items():
        some = [row for row in rows if row["domain"] == name]
        if not some:
            continue
        counts = [str(sum(kind(row) == one for row in some)) for one in ("equal", "refused", "not told")]
        gradients = sum(row.get("gradients", 1) > 0 for row in some if row["verdict"] == "equal")
        table.append([title, str(len(some)), *counts, str(gradients)])
        families: dict[str, list[dict[str, Any]]] = {}
        for row in some:
            families.setdefault(row["family"], []).append(row)
        cells = [[family, *line(of_family)] for family, of_family in sorted(families.items())]
        parts += [f"## {title}", report.table(["family", "equal:", "refused", "not told"], cells)]
    columns = ["", "classes:", "equal:", "refused:", "not told:", "gradients compared:"]
    return "\n\n".join([parts[0].rstrip(), report.table(columns, table), *parts[1:]]) + "\n"


def kind(row: dict[str, Any]) -> str:
    """What the page calls a verdict. A defect of ours has no word here, so that no page is made with one."""
    words = {"equal": "equal", "refused": "refused"}
    unknown = ("unsteady", "unmoved", "does not run", "not built")
    return {**words, **dict.fromkeys(unknown, "not told")}[row["verdict"]]


def line(rows: list[dict[str, Any]]) -> list[str]:
    """The cells of a family."""
    of = {one: [row for row in rows if kind(row) == one] for one in ("equal", "refused", "not told")}
    equal = "all" if len(of["equal"]) == len(rows) else f"{len(of['equal'])} of {len(rows)}"
    reasons: dict[str, list[str]] = {}
    for row in of["refused"]:
        reasons.setdefault(short(row["why"]), []).append(row["class"])
    refused = "; ".join(f"{listed(names)}: {reason}" for reason, names in reasons.items())
    return [equal, refused, listed(row["class"] for row in of["not told"])]


def listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def short(why: str) -> str:
    """The reason of an error, in a few words."""
    found = [reason for part, reason in WHY.items() if part in why]
    return found[0] if found else re.sub(r"^\w+: rewire: ", "", why).replace("|", "\\|")


if __name__ == "__main__":
    latest = report.latest("coverage")
    if latest is None:
        raise SystemExit("no saved coverage: run python benchmarks/coverage.py --save first")
    PAGE.write_text(support(json.loads(latest.read_text()), latest.name[:10]))
