"""How much memory attention along a graph takes, forward and backward, beside one array of edges × channels.

    python benchmarks/attention_memory.py [--nodes N] [--degree N] [--save]

The highest resident memory during the call less what was resident before it; Linux only. `--save` writes the figure to
benchmarks/results.
"""

import argparse
import platform
import shlex
import sys
from datetime import date
from pathlib import Path

import torch

from edgewise import native
from edgewise.graph import Graph
from edgewise.kernels import attend

HEADS, DIM = 8, 64
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=20_000)
    parser.add_argument("--degree", type=int, default=64)
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    N = options.nodes
    torch.manual_seed(0)
    key = torch.unique(torch.arange(N).repeat_interleave(options.degree) * N + torch.randint(N, (N * options.degree,)))
    graph = Graph.from_edges(key % N, key // N, num_senders=N)
    graph.transpose()
    query, keys, value = (torch.randn(N, HEADS, DIM, requires_grad=True) for _ in range(3))
    ones = torch.ones(N, HEADS, DIM)
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    torch.autograd.grad(attend(query, keys, value, graph, impl="native"), [query, keys, value], ones)
    taken, array = resident("VmHWM") - before, graph.num_edges * HEADS * DIM * 4 / 1e6
    report = (
        f"# Memory of attention, forward and backward\n\n`{shlex.join(['python', *sys.argv])}`, {date.today()}; "
        f"instruction set {native.module().cpu_level()}; Python {platform.python_version()}, torch "
        f"{torch.__version__}; float32, {HEADS} heads of {DIM}.\n\n"
        f"{N:,} nodes, {graph.num_edges:,} edges: the call took {taken:.0f} MB more than was there. "
        f"The output and three gradients are {4 * N * HEADS * DIM * 4 / 1e6:.0f} MB; one array of "
        f"edges × channels would be {array:,.0f} MB.\n"
    )
    print(report)
    if options.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{date.today()}-attention-memory.md").write_text(report)


def resident(name: str) -> float:
    """A line of /proc/self/status, in MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024 / 1e6


if __name__ == "__main__":
    main()
