"""What an edge of attention costs, given queries, keys and values: ours beside the peers, in one run, and the promises.

    python benchmarks/attention.py [--only TEXT] [--quick] [--rounds N] [--seconds S] [--threads N] [--save]

Every way that applies to a graph is checked first, then timed in turn with the others (measure.py); a promise is a
ratio of two medians of one run. `--only` takes the graphs whose names hold the text, and may be repeated; `--quick`
takes the small ones, shortly, to see that everything works. `--save` writes benchmarks/results.
"""

import argparse
from dataclasses import asdict, dataclass
from typing import Any

import cases
import peers
import report
import torch
from cases import Case
from machine import Machine, measured
from measure import Spread, Times, interleaved, right
from problem import Problem, problem
from progress import Progress, tell

from edgewise.kernels import plan

DENSE = "SDPA, all pairs"
QUICK = 300_000  # edges


@dataclass(frozen=True)
class Task:
    case: Case
    score: str = "dot"
    heads: int = 8
    dim: int = 64
    peers: tuple[str, ...] = ("PyG", "PyG, compiled", "DGL", "torch.sparse", DENSE, "SDPA with the mask")

    @property
    def name(self) -> str:
        return self.case.name if self.score == "dot" else f"{self.case.name}, {self.score}"


STRETCHES = (DENSE, "SDPA with the mask", "FlexAttention, compiled")
WINDOWS = [
    Task(window, peers=STRETCHES + (("edgewise, bfloat16",) if nodes == 16_384 and window.name.startswith("w") else ()))
    for nodes in (4_096, 16_384, 65_536)
    for window in (cases.window(nodes, 128, 128), cases.window(nodes, 256, 0))
]
HUBS = Task(cases.hubs(16_384, 128, 4), peers=(DENSE, "FlexAttention, compiled"))
DOCUMENTS = Task(cases.documents(16_384, 200), peers=(DENSE,))
PARTITION = Task(cases.partitions(4_096, 4), peers=(DENSE, "PyG"))
LARGE = Task(cases.random(20_000, 16), peers=("edgewise, bfloat16", "PyG", "PyG, compiled", "DGL", "torch.sparse"))
WIDE = Task(cases.random(4_096, 128))
SMALL = Task(cases.random(2_708, 5))
GAT = [Task(cases.random(2_708, 5), score, 8, 8, ("PyG", "PyG, compiled")) for score in ("additive", "gatv2")]
WHOLE = [
    Task(cases.whole(kind, nodes), peers=("SDPA, called directly",))
    for nodes in (512, 2_048)
    for kind in ("complete", "causal")
]
TASKS = [LARGE, WIDE, SMALL, *GAT, *WINDOWS, HUBS, DOCUMENTS, PARTITION, *WHOLE]


@dataclass(frozen=True)
class Promise:
    """Faster: the time of a call of the peer over ours, at least. Else: our time an edge over its a pair, at most."""

    task: Task
    peer: str
    forward: float | None
    both: float | None
    faster: bool = False

    def kept(self, ratio: float, bound: float) -> bool:
        return ratio >= bound if self.faster else ratio <= bound


PROMISES = [
    Promise(LARGE, "PyG", 80, 35, faster=True),
    Promise(WIDE, DENSE, 1.8, 2.5),
    Promise(SMALL, "PyG", 100, None, faster=True),
    *[Promise(task, DENSE, 1.25, 1.25) for task in WINDOWS],
    *[Promise(task, "FlexAttention, compiled", 1.8, None, faster=True) for task in WINDOWS],
    *[Promise(task, DENSE, 1.5, 1.5) for task in (HUBS, DOCUMENTS, PARTITION)],
    *[Promise(task, "SDPA, called directly", 1.05, 1.05) for task in WHOLE],
]


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    chosen = [task for task in TASKS if not options.only or any(text in task.name for text in options.only)]
    if not chosen:
        raise SystemExit(f"--only: no graph has {options.only} in its name; there are: {[task.name for task in TASKS]}")
    if options.quick:
        chosen = [task for task in chosen if task.case.build().num_edges <= QUICK]
        options.rounds, options.seconds = 1, 0.1
    progress, measurements = Progress(len(chosen)), {}
    tell("measuring the machine")
    machine = measured()
    for task in chosen:
        progress.next(task.name)
        names = ["edgewise", *(name for name in task.peers if not (options.quick and "compiled" in name))]
        measurements[task] = measure(task, names, options.rounds, options.seconds, machine)
    rows = [row for found in measurements.values() for row in found]
    told = promises(measurements)
    numbers = {"header": report.header("torch_geometric", "dgl"), "machine": asdict(machine)}
    report.finish("attention", page(rows, told, machine), options.save, numbers | {"attention": rows, "promises": told})


def arguments() -> argparse.Namespace:
    parser = report.parser(__doc__)
    parser.add_argument("--only", action="append", metavar="TEXT", help="graphs with this in their names; repeatable")
    parser.add_argument(
        "--quick", action="store_true", help="small graphs and a single round: it works, or it does not"
    )
    parser.add_argument("--rounds", type=int, default=15, help="at most, each way once a round")
    parser.add_argument("--seconds", type=float, default=3.0, help="about so long for each way, three rounds at least")
    return parser.parse_args()


def measure(task: Task, names: list[str], rounds: int, seconds: float, machine: Machine) -> list[dict[str, Any]]:
    """A row for each way: nanoseconds an edge (or pair) and head."""
    given = problem(task.case, task.heads, task.dim, task.score)
    ways = right(peers.ways(given, names), tell)
    times = interleaved(ways, rounds, seconds)
    return [row(task, given, name, ways[name].pairs, taken, machine) for name, taken in times.items()]


def row(task: Task, given: Problem, name: str, pairs: int, taken: Times, machine: Machine) -> dict[str, Any]:
    scale = 1e9 / (pairs * task.heads)
    floors = [machine.floor(given.graph.num_edges, given.num_nodes, task.dim, backward) for backward in (False, True)]
    return {
        "graph": task.name,
        "nodes": given.num_nodes,
        "edges": given.graph.num_edges,
        "heads": task.heads,
        "dim": task.dim,
        "way": name,
        "route": plan(given.graph).route if name.startswith("edgewise") else None,
        "pairs": pairs,
        "rounds": len(taken.forward),
        "forward": spread(taken.forward, scale),
        "both": spread(taken.both, scale),
        "floor": [1e9 * floor / given.graph.num_edges for floor in floors] if task.score == "dot" else None,
    }


def spread(samples: list[float], scale: float) -> dict[str, float] | None:
    found = Spread.of(samples, scale)
    return None if found is None else asdict(found)


def promises(measurements: dict[Task, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What was promised of the graphs measured, what came, and whether it is kept."""
    told = []
    for promise in PROMISES:
        rows = {row["way"]: row for row in measurements.get(promise.task, [])}
        if "edgewise" not in rows or promise.peer not in rows:
            continue
        ours, theirs = rows["edgewise"], rows[promise.peer]
        for part, bound in (("forward", promise.forward), ("both", promise.both)):
            if bound is None or ours[part] is None or theirs[part] is None:
                continue
            ratio = ours[part]["median"] / theirs[part]["median"]
            ratio = 1 / ratio if promise.faster else ratio
            told.append(
                {"graph": promise.task.name, "peer": promise.peer, "part": part, "faster": promise.faster}
                | {"bound": bound, "ratio": ratio, "kept": promise.kept(ratio, bound)}
            )
    return told


def page(rows: list[dict[str, Any]], told: list[dict[str, Any]], machine: Machine) -> str:
    return "\n\n".join(
        [
            "# Attention, given queries, keys and values",
            report.header("torch_geometric", "dgl"),
            f"A float32 matrix product reaches {machine.flops / 1e9:,.0f} GFLOP/s here, a copy "
            f"{machine.bytes / 1e9:.1f} GB/s; the floors follow from these. Nanoseconds per edge and head, per pair "
            "and head where all pairs are computed: median (smallest to largest).",
            costs(rows),
            "## Promises",
            "*times faster*: a call of the peer over a call of ours. *price*: our time an edge over its time a pair.",
            verdicts(told),
        ]
    )


def costs(rows: list[dict[str, Any]]) -> str:
    columns = ["graph", "edges:", "way", "rounds:", "forward:", "forward + backward:", "floor:"]
    return report.table(columns, [cells(row) for row in rows])


def cells(row: dict[str, Any]) -> list[str]:
    way = row["way"] + (f" ({row['route']})" if row["route"] else "")
    if row["way"] == DENSE:
        way += f" ({row['pairs']:,})"
    if (row["heads"], row["dim"]) != (8, 64):
        way += f", {row['heads']} heads of {row['dim']}"
    floor = " / ".join(f"{x:.2g}" for x in row["floor"]) if row["way"] == "edgewise" and row["floor"] else ""
    told = [told_of(row["forward"]), told_of(row["both"]), floor]
    return [row["graph"], f"{row['edges']:,}", way, str(row["rounds"]), *told]


def told_of(found: dict[str, float] | None) -> str:
    return "–" if found is None else f"{found['median']:.1f} ({found['smallest']:.1f} to {found['largest']:.1f})"


def verdicts(told: list[dict[str, Any]]) -> str:
    rows = [
        [
            one["graph"],
            one["peer"],
            "forward" if one["part"] == "forward" else "forward + backward",
            f"{'≥' if one['faster'] else '≤'} {one['bound']:g} {'times faster' if one['faster'] else 'of its price'}",
            f"{one['ratio']:.1f}" if one["faster"] else f"{one['ratio']:.2f}",
            "kept" if one["kept"] else "**not kept**",
        ]
        for one in told
    ]
    return report.table(["graph", "beside", "pass", "promised", "found:", ""], rows)


if __name__ == "__main__":
    main()
