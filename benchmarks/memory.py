"""How much memory attention takes besides its inputs, forward and backward: each way of each graph in its own process.

    python benchmarks/memory.py [--only TEXT] [--quick] [--save]

The highest resident memory during a call, less what was resident before it; Linux only. The output and the gradients
are in it; what a graph, or a compiled program, keeps from its first call is not: the call is made once before.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cases
import report
from cases import Case
from measure import calls_of
from progress import Progress, tell

HEADS, DIM = 8, 64
CASES: dict[Case, tuple[str, ...]] = {
    cases.random(20_000, 16): ("edgewise", "edgewise, bfloat16", "PyG", "DGL", "torch.sparse"),
    cases.random(20_000, 64): ("edgewise", "DGL"),
    cases.random(2_708, 5): ("edgewise", "PyG", "DGL", "torch.sparse", "SDPA with the mask"),
    cases.window(4_096, 128, 128): ("edgewise", "DGL", "SDPA with the mask", "FlexAttention, compiled"),
    cases.window(65_536, 128, 128): ("edgewise", "FlexAttention, compiled"),
    cases.partitions(4_096, 4): ("edgewise", "PyG", "DGL"),
}
# Large arrays come from the system and go back to it: what an earlier call left would hide what a later one takes.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}


def main() -> None:
    options = arguments()
    if options.child:
        return print("taken", json.dumps(taken(*options.child)))
    chosen = [(case, way) for case, ways in CASES.items() for way in ways]
    chosen = [
        (case, way) for case, way in chosen if not options.only or any(text in case.name for text in options.only)
    ]
    if options.quick:
        chosen = [(case, way) for case, way in chosen if case.name.startswith("2,708")]
    progress, rows = Progress(len(chosen)), []
    for case, way in chosen:
        progress.next(f"{case.name}: {way}")
        found = asked(case, way)
        if found is not None:
            rows.append(found)
    return report.finish("memory", page(rows), options.save, {"header": report.header(), "memory": rows})


def arguments() -> argparse.Namespace:
    parser = report.parser(__doc__, threads=False)
    parser.add_argument("--only", action="append", metavar="TEXT", help="graphs with this in their names; repeatable")
    parser.add_argument("--quick", action="store_true", help="the smallest graph: it works, or it does not")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def asked(case: Case, way: str) -> dict[str, Any] | None:
    """What a process of its own says; None where the way does not apply there."""
    command = [sys.executable, __file__, "--child", case.name, way]
    answer = subprocess.run(command, env=os.environ | ALLOCATOR, capture_output=True, text=True, check=False)
    line = next((line for line in answer.stdout.splitlines() if line.startswith("taken ")), None)
    if line is None:
        raise SystemExit(f"{case.name}, {way}: {answer.stderr.strip().splitlines()[-1:]}")
    if line == "taken null":
        tell(f"left out: {way} does not apply")
        return None
    return {"graph": case.name, "way": way} | json.loads(line.removeprefix("taken "))


def taken(name: str, way_name: str) -> dict[str, float | None] | None:
    """MB forward and with backward: in this process, which has done nothing else."""
    import peers
    from measure import right
    from problem import problem

    case = next(case for case in CASES if case.name == name)
    given = problem(case, HEADS, DIM)
    way = right(peers.ways(given, [way_name]), tell).get(way_name)
    if way is None:
        return None
    found = []
    for call in calls_of(way):
        call()
        clear_peak()
        before = resident("VmRSS")
        call()
        found.append(resident("VmHWM") - before)
    both = found[1] if len(found) > 1 else None
    return {"nodes": given.num_nodes, "edges": given.graph.num_edges, "forward": found[0], "both": both}


def clear_peak() -> None:
    """Forget the highest memory so far."""
    Path("/proc/self/clear_refs").write_text("5")


def resident(name: str) -> float:
    """A line of /proc/self/status, in MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024 / 1e6


def page(rows: list[dict[str, Any]]) -> str:
    return "\n\n".join(
        [
            "# Memory of attention",
            report.header("torch_geometric", "dgl"),
            f"Peak MB besides the inputs, {HEADS} heads of {DIM}, float32 unless said. *Least*: the output, and with "
            "backward three gradients. *One array*: edges × heads × channels.",
            peaks(rows),
        ]
    )


def peaks(rows: list[dict[str, Any]]) -> str:
    columns = ["graph", "edges:", "way", "forward:", "forward + backward:", "least:", "one array:"]
    return report.table(columns, [_cells(row) for row in rows])


def _cells(row: dict[str, Any]) -> list[str]:
    size = 2 if "bfloat16" in row["way"] else 4
    node, edge = (row[x] * HEADS * DIM * size / 1e6 for x in ("nodes", "edges"))
    both = "–" if row["both"] is None else f"{row['both']:,.0f}"
    told = [f"{row['forward']:,.0f}", both, f"{node:,.0f} / {4 * node:,.0f}", f"{edge:,.0f}"]
    return [row["graph"], f"{row['edges']:,}", row["way"], *told]


if __name__ == "__main__":
    main()
