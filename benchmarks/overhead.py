"""What a call costs before there is anything to compute: a graph of 16 nodes, 2 heads of 8; microseconds a call.

    python benchmarks/overhead.py [--quick] [--rounds N] [--seconds S] [--save]

One thread: with more, waking them is what would be measured.
"""

import argparse

import cases
import peers
import report
import torch
from measure import Call, Spread, calls_of, in_turn, right
from problem import problem
from progress import tell
from torch_geometric.nn import GATConv

from edgewise.graph import Graph
from edgewise.layers.convolutions import GATConv as OurGATConv
from edgewise.patterns import parse

NODES, DEGREE, HEADS, DIM = 16, 3, 2, 8
WAYS = ["edgewise", "PyG", "DGL", "SDPA, called directly", "SDPA with the mask"]


def main() -> None:
    options = arguments()
    torch.set_num_threads(1)
    rounds, seconds = (1, 0.01) if options.quick else (options.rounds, options.seconds)
    rows = []
    for title, calls in sections().items():
        tell(title)
        for name, samples in in_turn(calls, rounds, seconds).items():
            cells = [_told(Spread.of(one, 1e6)) for one in samples]
            rows.append([title, name, *cells, *["–"] * (2 - len(cells))])
    text = "\n\n".join(
        [
            "# What a call costs before there is anything to compute",
            report.header("torch_geometric", "dgl"),
            f"{NODES} nodes, {HEADS} heads of {DIM}, float32. Microseconds a call: median (smallest to largest).",
            report.table(["", "", "forward:", "forward + backward:"], rows),
        ]
    )
    report.finish("overhead", text, options.save, {"header": report.header("torch_geometric", "dgl"), "overhead": rows})


def arguments() -> argparse.Namespace:
    parser = report.parser(__doc__, threads=False)
    parser.add_argument("--quick", action="store_true", help="a single round: it works, or it does not")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=1.0, help="about so long for each, three rounds at least")
    return parser.parse_args()


def sections() -> dict[str, dict[str, list[Call]]]:
    found = {}
    for case in (cases.random(NODES, DEGREE), cases.whole("complete", NODES)):
        ways = right(peers.ways(problem(case, HEADS, DIM), WAYS), tell)
        found[f"attention, {case.name}"] = {name: calls_of(way) for name, way in ways.items()}
    found["a GAT convolution"] = layers()
    found["a graph"] = graphs()
    return found


def layers() -> dict[str, list[Call]]:
    """Projection and all, self-loops made anew at each call."""
    graph, x = cases.random_graph(NODES, DEGREE), torch.randn(NODES, HEADS * DIM, requires_grad=True)
    edge_index = graph.to_edge_index()
    given = {
        "edgewise, a Graph": (OurGATConv(HEADS * DIM, DIM, heads=HEADS), graph),
        "edgewise, an edge_index": (OurGATConv(HEADS * DIM, DIM, heads=HEADS), edge_index),
        "PyG": (GATConv(HEADS * DIM, DIM, heads=HEADS), edge_index),
    }
    return {name: _passes(conv, x, edges) for name, (conv, edges) in given.items()}


def _passes(conv: torch.nn.Module, x: torch.Tensor, edges: object) -> list[Call]:
    upstream = torch.ones(NODES, HEADS * DIM)
    leaves = [x, *conv.parameters()]

    def forward() -> object:
        with torch.no_grad():
            return conv(x, edges)

    return [forward, lambda: torch.autograd.grad(conv(x, edges), leaves, upstream)]


def graphs() -> dict[str, list[Call]]:
    senders, receivers = cases.random_graph(NODES, DEGREE).edges()
    step = parse("causal & window(127, 0) | hubs(0)")
    return {
        "Graph.from_edges": [lambda: Graph.from_edges(senders, receivers, num_senders=NODES)],
        "a decoding step: 1 receiver, 4,096 senders": [lambda: step.build(1, 4_096)],
        "window(2, 2), 16 nodes": [lambda: parse("window(2, 2)").build(NODES)],
    }


def _told(found: Spread) -> str:
    return f"{found.median:.1f} ({found.smallest:.1f} to {found.largest:.1f})"


if __name__ == "__main__":
    main()
