"""From which share of all pairs on a mask would be cheaper: attention at 1 to 100 % of the pairs of 4,096 nodes.

    python benchmarks/density.py [--nodes N] [--quick] [--rounds N] [--seconds S] [--threads N] [--save]

Edges are a window (each node hears one stretch) or drawn at random, pair by pair. Milliseconds a call, 8 heads of 64;
ours beside scaled_dot_product_attention with the graph as a mask and without it, which computes all pairs.
"""

import argparse
from typing import Any

import cases
import peers
import report
import torch
from attention import spread
from cases import Case
from measure import interleaved, right
from problem import problem
from progress import Progress, tell

from edgewise.kernels import plan

HEADS, DIM = 8, 64
PERCENT = (1, 2, 5, 10, 20, 50, 75, 100)
WAYS = ["edgewise", "SDPA with the mask", "SDPA, all pairs"]


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    nodes, percents = (512, (1, 50, 100)) if options.quick else (options.nodes, PERCENT)
    progress, rows = Progress(2 * len(percents)), []
    for kind in ("window", "random"):
        for percent in percents:
            progress.next(f"{kind}, {percent} %")
            rows += measure(kind, percent, nodes, options)
    numbers = {"header": report.header(), "nodes": nodes, "density": rows}
    report.finish("density", page(rows, nodes), options.save, numbers)


def arguments() -> argparse.Namespace:
    parser = report.parser(__doc__)
    parser.add_argument("--nodes", type=int, default=4_096, help="at most 5,000: a mask of all pairs is made")
    parser.add_argument("--quick", action="store_true", help="few nodes: it works, or it does not")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.5, help="about so long for each way, three rounds at least")
    return parser.parse_args()


def at_share(kind: str, percent: float, nodes: int) -> Case:
    """So many of all pairs, about: a window is cut where the nodes end."""
    if kind == "random":
        return Case(f"{percent} % random", lambda: cases.share(nodes, percent))
    if percent >= 100:
        return cases.whole("complete", nodes)
    # A window of w to each side has 2w + 1 senders a node, less w (w + 1) at the two ends.
    width = next(w for w in range(nodes) if nodes * (2 * w + 1) - w * (w + 1) >= percent / 100 * nodes**2)
    return cases.window(nodes, width, width)


def measure(kind: str, percent: float, nodes: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    given = problem(at_share(kind, percent, nodes), HEADS, DIM)
    ways = right(peers.ways(given, WAYS), tell)
    times = interleaved(ways, options.rounds, options.seconds)
    return [
        {"kind": kind, "percent": percent, "edges": given.graph.num_edges, "way": name}
        | {"route": plan(given.graph).route if name == "edgewise" else None}
        | {"forward": spread(taken.forward, 1e3), "both": spread(taken.both, 1e3)}
        for name, taken in times.items()
    ]


def page(rows: list[dict[str, Any]], nodes: int) -> str:
    return "\n\n".join(
        [
            f"# Attention on {nodes:,} nodes, from few pairs to all",
            report.header(),
            f"Milliseconds a call, {HEADS} heads of {DIM}, float32: forward / forward and backward, medians. In "
            "brackets ours over the masked call.",
            curves(rows),
        ]
    )


def curves(rows: list[dict[str, Any]]) -> str:
    points: dict[tuple[str, float], dict[str, dict[str, Any]]] = {}
    for row in rows:
        points.setdefault((row["kind"], row["percent"]), {})[row["way"]] = row
    cells = []
    for (kind, percent), found in points.items():
        ours, masked = found["edgewise"], found.get("SDPA with the mask")
        ratio = ""
        if masked:
            ratio = " ({} / {})".format(
                *(f"{ours[x]['median'] / masked[x]['median']:.2f}" for x in ("forward", "both"))
            )
        told = [_two(found[name]) if name in found else "–" for name in WAYS]
        told[0] += f"{ratio}"
        cells.append([kind, f"{percent}", f"{ours['edges']:,}", ours["route"], *told])
    return report.table(["edges are", "%:", "edges:", "route", *(f"{name}:" for name in WAYS)], cells)


def _two(row: dict[str, Any]) -> str:
    return f"{row['forward']['median']:.1f} / {row['both']['median']:.1f}"


if __name__ == "__main__":
    main()
