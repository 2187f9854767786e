"""A million nodes: time and peak memory of attention in a window, forward and backward, as the nodes double.

    python benchmarks/million.py [--nodes N ...] [--repeats N] [--threads N] [--save]

A window of 128 to each side, 4 heads of 32, float32; each size in a process of its own. Promised: time linear in the
nodes from 125,000 on, within 15 %, and a million nodes in less than 24 GB, everything counted. By hand: it takes long,
and about 8 GB.
"""

import argparse
import json
import subprocess
import sys
import time
from typing import Any

import cases
import report
import torch
from memory import clear_peak, resident
from progress import Progress, tell

HEADS, DIM, WIDTH = 4, 32, 128
SIZES = [125_000, 250_000, 500_000, 1_000_000]
LINEAR, MEMORY = 0.15, 24_000  # share, MB


def main() -> int:
    options = arguments()
    if options.child:
        print("taken", json.dumps(taken(options.child, options.repeats, options.threads)))
        return 0
    progress, rows = Progress(len(options.nodes)), []
    for nodes in options.nodes:
        progress.next(f"{nodes:,} nodes")
        rows.append(asked(nodes, options.repeats, options.threads))
    text, kept = page(rows)
    report.finish("million", text, options.save, {"header": report.header(), "million": rows})
    return 0 if kept else 1


def arguments() -> argparse.Namespace:
    parser = report.parser(__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def asked(nodes: int, repeats: int, threads: int) -> dict[str, Any]:
    """What a process of its own says."""
    command = [sys.executable, __file__, "--child", str(nodes), "--repeats", str(repeats), "--threads", str(threads)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    line = next((line for line in answer.stdout.splitlines() if line.startswith("taken ")), None)
    if line is None:
        raise SystemExit(f"{nodes:,} nodes: ended with {answer.returncode}: {answer.stderr.strip()[-500:]}")
    found: dict[str, Any] = json.loads(line.removeprefix("taken "))
    return found


def taken(nodes: int, repeats: int, threads: int) -> dict[str, Any]:
    """Seconds of each repeat, and the peak of the whole process, in MB."""
    from measure import calls_of, right, sample
    from peers import ours
    from problem import problem

    torch.set_num_threads(threads)
    begin = time.perf_counter()
    given = problem(cases.window(nodes, WIDTH, WIDTH), HEADS, DIM)
    built = time.perf_counter() - begin
    way = right({"edgewise": ours()(given)}, tell)["edgewise"]
    clear_peak()  # of the check, which is not attention's
    calls = calls_of(way)
    # At first the system has to make the memory ready: up to a second a gigabyte, which is told apart.
    first, *seconds = [[sample(call) for call in calls] for _ in range(1 + repeats)]
    forward, both = (sorted(x)[repeats // 2] for x in zip(*seconds, strict=True))
    found = {"nodes": nodes, "edges": given.graph.num_edges, "built": built, "forward": forward, "both": both}
    return found | {"first": first[1], "memory": resident("VmHWM")}


def page(rows: list[dict[str, Any]]) -> tuple[str, bool]:
    """The report, and whether both promises are kept."""
    first, last = rows[0], rows[-1]
    cost = [row["both"] / row["nodes"] for row in rows]
    off = max(abs(x / cost[0] - 1) for x in cost)
    kept = off <= LINEAR and last["memory"] < MEMORY
    text = "\n\n".join(
        [
            "# A million nodes",
            report.header(),
            f"window({WIDTH}, {WIDTH}), {HEADS} heads of {DIM}, float32; medians of repeated calls. *At first* is the "
            "first forward and backward, for which memory has to be made ready. The peak is of the whole process.",
            curve(rows),
            f"A node costs at most {off:.0%} more or less than with {first['nodes']:,} (promised: {LINEAR:.0%}); the "
            f"peak is {last['memory'] / 1e3:.1f} GB (promised: less than {MEMORY / 1e3:.0f}): "
            f"{'kept' if kept else '**not kept**'}.",
        ]
    )
    return text, kept


def curve(rows: list[dict[str, Any]]) -> str:
    cells = [
        "{nodes:,} {edges:,} {forward:.2f} {both:.2f} {a_node:.1f} {first:.2f} {gigabytes:.2f}".format(
            **row, a_node=row["both"] / row["nodes"] * 1e6, gigabytes=row["memory"] / 1e3
        ).split()
        for row in rows
    ]
    columns = ["nodes:", "edges:", "forward, s:", "forward + backward, s:", "µs a node:", "at first, s:", "peak, GB:"]
    return report.table(columns, cells)


if __name__ == "__main__":
    sys.exit(main())
