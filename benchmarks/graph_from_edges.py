"""How long Graph.from_edges takes beside torch.sort of the same keys; at most three times as long is the promise.

    python benchmarks/graph_from_edges.py [--edges N] [--nodes N] [--repeats N] [--save]

Every way is timed in turn, in one process, as often as is asked; the median counts. `--save` writes the table to
benchmarks/results.
"""

import argparse
import sys
from statistics import median

import report
import torch
from measure import in_turn
from torch import Tensor

from edgewise.graph import Graph

PROMISE = 3.0


def main() -> int:
    options = arguments()
    senders, receivers = random_edges(options.edges, options.nodes)
    key = receivers * options.nodes + senders
    graph = Graph.from_edges(senders, receivers, num_senders=options.nodes)
    check(graph, key, options.nodes)
    sorted_senders, sorted_receivers = graph.edges()
    weights = torch.rand(options.edges)

    def build(senders: Tensor, receivers: Tensor, **more: object) -> object:
        return Graph.from_edges(senders, receivers, num_senders=options.nodes, **more)

    ways = {
        "torch.sort(receiver * nodes + sender)": lambda: torch.sort(key),
        "Graph.from_edges(...)": lambda: build(senders, receivers),
        "... with return_order=True": lambda: build(senders, receivers, return_order=True),
        "... with features= [edges] float32": lambda: build(senders, receivers, features=weights),
        "... of edges that come sorted": lambda: build(sorted_senders, sorted_receivers),
        "graph.transpose()": lambda: Graph._trusted(graph.runs, options.nodes).transpose(),
    }
    samples = in_turn({name: [way] for name, way in ways.items()}, options.repeats, float("inf"))
    medians = {name: median(taken) for name, (taken,) in samples.items()}
    text = table(options, medians, graph)
    report.finish("graph-from-edges", text, options.save)
    ratio = medians["Graph.from_edges(...)"] / medians["torch.sort(receiver * nodes + sender)"]
    return 0 if ratio <= PROMISE else 1


def arguments() -> argparse.Namespace:
    parser = report.parser(__doc__, threads=False)
    parser.add_argument("--edges", type=int, default=10_000_000)
    parser.add_argument("--nodes", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=9)
    return parser.parse_args()


def random_edges(edges: int, nodes: int) -> tuple[Tensor, Tensor]:
    """Edges drawn without repetition, in random order."""
    torch.manual_seed(0)
    drawn = torch.unique(torch.randint(nodes * nodes, (edges + edges // 100 + 1000,)))
    drawn = drawn[torch.randperm(len(drawn))[:edges]]
    if len(drawn) < edges:
        raise SystemExit(f"{nodes} nodes are too few for {edges} edges without repetition")
    return drawn % nodes, drawn // nodes


def check(graph: Graph, key: Tensor, nodes: int) -> None:
    """No speed is reported for a wrong graph."""
    senders, receivers = graph.edges()
    heard, hearing = graph.transpose().edges()
    if not torch.equal(receivers * nodes + senders, key.sort().values):
        raise SystemExit("from_edges: the edges of the graph are not the edges given")
    if not torch.equal(heard * nodes + hearing, key[(key % nodes * nodes + key // nodes).argsort()]):
        raise SystemExit("transpose: the edges are not those of the graph")


def table(options: argparse.Namespace, medians: dict[str, float], graph: Graph) -> str:
    peer = medians["torch.sort(receiver * nodes + sender)"]
    rows = [f"| `{name}` | {taken * 1e3:,.0f} | {taken / peer:.2f} |" for name, taken in medians.items()]
    return "\n".join(
        [
            f"# Graph.from_edges on {options.edges:,} random edges among {options.nodes:,} nodes",
            "",
            report.header("numpy"),
            "",
            f"Median of {options.repeats}, every way timed in turn in one process; the load is the "
            f"average when it began (a busy machine stretches the times more than their ratios). {graph!r}.",
            "",
            "| | ms | times torch.sort |",
            "| --- | ---: | ---: |",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
