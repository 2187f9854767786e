"""What an edge of attention costs: ours beside PyG's TransformerConv and PyTorch's dense attention, in one run.

    python benchmarks/attention.py [--repeats N] [--save]

Queries, keys and values are given (8 heads of 64, float32); every way is timed in turn, in one process; medians, with
the smallest and largest, count. No speed is reported for a wrong answer. `--save` writes benchmarks/results.
"""

import argparse
import platform
import shlex
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median

import torch
import torch_geometric
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from torch_geometric.nn import TransformerConv

from edgewise import native
from edgewise.graph import Graph
from edgewise.kernels import attend
from edgewise.patterns import parse

HEADS, DIM = 8, 64
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    options = arguments()
    rows = []
    for name, graph in graphs().items():
        times = timed(ways(graph), options.repeats)
        rows += [row(name, graph, way, taken) for way, taken in times.items()]
    report = "\n".join([*header(), *rows, ""])
    print(report)
    if options.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{date.today()}-attention.md").write_text(report)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--save", action="store_true")
    return parser.parse_args()


def graphs() -> dict[str, Graph]:
    return {
        "20,000 nodes × 16 random": random_graph(20_000, 16),
        "4,096 × 128 random": random_graph(4_096, 128),
        "2,708 × 5 random": random_graph(2_708, 5),
        "window(128, 128) of 4,096": parse("window(128, 128)").build(4_096),
    }


def random_graph(nodes: int, degree: int) -> Graph:
    generator = torch.Generator().manual_seed(0)
    senders = torch.randint(nodes, (nodes, degree), generator=generator)
    receivers = torch.arange(nodes).repeat_interleave(degree)
    key = torch.unique(receivers * nodes + senders.flatten())
    return Graph.from_edges(key % nodes, key // nodes, num_senders=nodes)


def ways(graph: Graph) -> dict[str, "Way"]:
    """By name: how to compute the output, from which tensors, and for how many pairs."""
    N, E = graph.num_receivers, graph.num_edges
    query, key, value = (torch.randn(N, HEADS, DIM, requires_grad=True) for _ in range(3))
    ours = {"edgewise": (lambda: attend(query, key, value, graph, impl="native"), [query, key, value], E)}
    check(ours["edgewise"][0](), query, key, value, graph)
    if E < 600_000:
        conv, edge_index = TransformerConv(1, DIM, HEADS, root_weight=False), graph.to_edge_index()
        given = [query, key, value]

        def propagate() -> Tensor:
            return conv.propagate(edge_index, query=query, key=key, value=value, edge_attr=None, size=(N, N))

        check(propagate().view(N, HEADS, DIM), query, key, value, graph)
        ours["PyG TransformerConv.propagate"] = (propagate, given, E)
    if N <= 5_000:
        dense = [x.detach().transpose(0, 1)[None].contiguous().requires_grad_() for x in (query, key, value)]
        ours["scaled_dot_product_attention, all pairs"] = (lambda: scaled_dot_product_attention(*dense), dense, N * N)
        mask = graph.dense()
        masked = "scaled_dot_product_attention with the mask, all pairs"
        ours[masked] = (lambda: scaled_dot_product_attention(*dense, attn_mask=mask), dense, N * N)
    return ours


def check(out: Tensor, query: Tensor, key: Tensor, value: Tensor, graph: Graph) -> None:
    nodes = torch.arange(0, graph.num_receivers, max(1, graph.num_receivers // 50))
    part = graph[nodes]
    truth = attend(query[nodes].double(), key.double(), value.double(), part, impl="reference")
    if (out[nodes] - truth).abs().max() > 1e-5:
        raise SystemExit("an output is wrong; no speed is reported")


def timed(
    ways: dict[str, tuple[Callable[[], Tensor], list[Tensor], int]], repeats: int
) -> dict[str, list[list[float]]]:
    """Nanoseconds per pair and head, forward alone and with backward, all ways in turn."""
    times: dict[str, list[list[float]]] = {name: [[], []] for name in ways}
    for repeat in range(repeats + 1):
        for name, (way, inputs, pairs) in ways.items():
            begin = time.perf_counter()
            with torch.no_grad():
                way()
            middle = time.perf_counter()
            out = way()
            torch.autograd.grad(out, inputs, torch.ones_like(out))
            end = time.perf_counter()
            if repeat:
                times[name][0].append((middle - begin) / pairs / HEADS * 1e9)
                times[name][1].append((end - middle) / pairs / HEADS * 1e9)
    return times


def header() -> list[str]:
    processor = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line)
    return [
        "# Attention, given queries, keys and values",
        "",
        f"`{shlex.join(['python', *sys.argv])}`, {date.today()}; {processor.split(':')[1].strip()}, "
        f"{torch.get_num_threads()} threads, instruction set {native.module().cpu_level()}; Python "
        f"{platform.python_version()}, torch {torch.__version__}, torch_geometric {torch_geometric.__version__}; "
        f"float32, {HEADS} heads of {DIM}.",
        "",
        "Nanoseconds per edge and head (per pair and head where all pairs are computed): median (smallest to largest).",
        "",
        "| graph | edges | way | forward | forward + backward |",
        "| --- | --- | --- | --- | --- |",
    ]


def row(name: str, graph: Graph, way: str, times: list[list[float]]) -> str:
    told = [f"{median(taken):.1f} ({min(taken):.1f} to {max(taken):.1f})" for taken in times]
    return f"| {name} | {graph.num_edges:,} | {way} | {told[0]} | {told[1]} |"


if __name__ == "__main__":
    main()
