"""A training epoch of GAT on Cora beside PyG's, the whole of it and its message passing alone.

    python benchmarks/gat_epoch.py [--quick] [--rounds N] [--seconds S] [--threads N] [--save]

The network of Veličković et al. 2018 (8 heads of 8, then one of 7; dropout 0.6 on features and weights, self-loops),
with Adam. An epoch is a step over all nodes, and a look at the validation nodes; ours takes the words of a paper as a
sparse table too, which is how its recipe trains. Its message passing is both layers'
softmax over the edges and weighted sum, forward and backward, from given projections, with dropout. The networks are
given the same weights, and their outputs and input gradients compared without dropout, before they are timed.
"""

import argparse
from dataclasses import asdict
from typing import Any

import cases
import parity
import peers
import report
import torch
from measure import Call, Spread, in_turn
from problem import Problem, problem
from progress import tell
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, dropout, elu
from torch_geometric.nn import GATConv
from way import Way

from edgewise import Network
from edgewise.data import NodeTask, cora
from edgewise.kernels import attend
from edgewise.layers import MessagePassing
from edgewise.layers.convolutions import GATConv as OurGATConv
from edgewise.models import gat
from edgewise.pretrained.pyg import copy_weights

DROPOUT, PROMISE = 0.6, 3.0


class Theirs(nn.Module):
    """Two convolutions of PyG, as its example of GAT on Planetoid has them."""

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.first = GATConv(in_dim, 8, heads=8, dropout=DROPOUT)
        self.last = GATConv(64, out_dim, heads=1, concat=False, dropout=DROPOUT)

    def forward(self, edge_index: Tensor, x: Tensor) -> Tensor:
        x = dropout(x, DROPOUT, self.training)
        x = dropout(elu(self.first(x, edge_index)), DROPOUT, self.training)
        return self.last(x, edge_index)


def main() -> int:
    options = arguments()
    torch.set_num_threads(options.threads)
    task = cora()
    theirs = Theirs(task.num_features, task.num_classes)
    ours = same_weights(Network(gat(task.num_features, task.num_classes)), theirs)
    dense, edge_index = task.features.to_dense(), task.graphs.to_edge_index()
    check(task, ours, theirs)
    calls = {"edgewise": [epoch(task, ours, task.graphs, dense), message_passing(task, pyg=False)]}
    calls["edgewise, sparse features"] = [epoch(task, ours, task.graphs, task.features)]
    calls["PyG"] = [epoch(task, theirs, edge_index, dense), message_passing(task, pyg=True)]
    if not options.quick:
        tell("compiling PyG's network")
        calls["PyG, compiled"] = [epoch(task, torch.compile(theirs), edge_index, dense)]
        calls["PyG, compiled"][0]()
    tell("timing")
    spreads = {name: [Spread.of(x, 1e3) for x in samples] for name, samples in timed(calls, options).items()}
    ratio = spreads["PyG"][1].median / spreads["edgewise"][1].median
    text = page(spreads, ratio)
    numbers: dict[str, Any] = {"header": report.header("torch_geometric"), "ratio": ratio}
    numbers["epoch"] = {name: [asdict(x) for x in found] for name, found in spreads.items()}
    report.finish("gat-epoch", text, options.save, numbers)
    return 0 if ratio >= PROMISE or options.quick else 1


def arguments() -> argparse.Namespace:
    parser = report.parser(__doc__)
    parser.add_argument("--quick", action="store_true", help="a few epochs, and nothing compiled: it works, or not")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=15.0, help="about so long for each way")
    return parser.parse_args()


def timed(calls: dict[str, list[Call]], options: argparse.Namespace) -> dict[str, list[list[float]]]:
    return in_turn(calls, 2, 0.1) if options.quick else in_turn(calls, options.rounds, options.seconds)


def same_weights(network: Network, theirs: Theirs) -> Network:
    """PyG's weights for ours, by way of our convolutions, which take them by name."""
    layers = [module for module in network.modules() if isinstance(module, MessagePassing)]
    twins = nn.Module()
    twins.first = OurGATConv(theirs.first.in_channels, 8, heads=8, dropout=DROPOUT)
    twins.last = OurGATConv(64, theirs.last.out_channels, heads=1, concat=False, dropout=DROPOUT)
    copy_weights(theirs, twins)
    for layer, twin in zip(layers, (twins.first, twins.last), strict=True):
        layer.load_state_dict(twin.layer.state_dict())
    return network


def check(task: NodeTask, ours: nn.Module, theirs: nn.Module) -> None:
    """No speed is reported where the two networks answer differently."""
    found = []
    for network, graph in ((ours, task.graphs), (theirs, task.graphs.to_edge_index())):
        x = task.features.to_dense().requires_grad_()
        out = network.eval()(graph, x)
        loss = cross_entropy(out[task.train], task.targets[task.train])
        found.append((out.detach(), torch.autograd.grad(loss, x)[0]))
    for what, mine, other in zip(("outputs", "input gradients"), *found, strict=True):
        error = float((mine - other).abs().max())
        # Gradients of a mean over 140 nodes are small: they are held to their own size.
        bound = 1e-5 * (max(1.0, float(other.abs().max())) if what == "outputs" else float(other.abs().max()))
        if not error <= bound:
            raise SystemExit(f"the {what} of the networks differ by {error:.2g}; no speed is reported")


def epoch(task: NodeTask, network: nn.Module, graph: object, features: Tensor) -> Call:
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3, weight_decay=5e-4)

    def step() -> None:
        network.train()
        optimiser.zero_grad()
        out = network(graph, features)
        cross_entropy(out[task.train], task.targets[task.train]).backward()
        optimiser.step()
        network.eval()
        with torch.no_grad():
            network(graph, features)[task.validation].argmax(-1)

    return step


def message_passing(task: NodeTask, pyg: bool) -> Call:
    """Both layers, forward and backward, with dropout on the weights."""
    case = cases.Case("Cora with self-loops", task.graphs.add_self_loops)
    given = [problem(case, 8, 8, "additive"), problem(case, 1, task.num_classes, "additive")]
    dropped = [_pyg_way(one) if pyg else _our_way(one) for one in given]
    upstream = [torch.ones_like(way.compute().detach()) for way in dropped]

    def both() -> None:
        for way, grad in zip(dropped, upstream, strict=True):
            torch.autograd.grad(way.compute(), way.leaves, grad)

    return both


def _our_way(given: Problem) -> Way:
    parity.check("edgewise", peers.PEERS["edgewise"](given))
    q, k, v, graph, score = given.query, given.key, given.value, given.graph, given.score
    compute = lambda: attend(q, k, v, graph, score=score, dropout=DROPOUT)  # noqa: E731
    return Way(given, compute, given.leaves, graph.num_edges)


def _pyg_way(given: Problem) -> Way:
    parity.check("PyG", peers.PEERS["PyG"](given))
    conv, edge_index = peers.convolution(given), given.graph.to_edge_index()
    conv.dropout = DROPOUT
    compute = lambda: peers.propagate(conv, edge_index, given.query, given.key, given.value)  # noqa: E731
    return Way(given, compute, given.leaves, given.graph.num_edges)


def page(spreads: dict[str, list[Spread]], ratio: float) -> str:
    kept = "kept" if ratio >= PROMISE else "**not kept**"
    return "\n\n".join(
        [
            "# A training epoch of GAT on Cora",
            report.header("torch_geometric"),
            "Milliseconds: median (smallest to largest).",
            table(spreads),
            f"Message passing is promised to be at least {PROMISE:g} times faster than PyG's: {ratio:.1f}, {kept}.",
        ]
    )


def table(spreads: dict[str, list[Spread]]) -> str:
    rows = [[name, *(_told(x) for x in found), *["–"] * (2 - len(found))] for name, found in spreads.items()]
    return report.table(["ms", "epoch:", "its message passing:"], rows)


def _told(found: Spread) -> str:
    return f"{found.median:.1f} ({found.smallest:.1f} to {found.largest:.1f})"


if __name__ == "__main__":
    raise SystemExit(main())
