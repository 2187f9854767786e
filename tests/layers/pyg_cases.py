"""PyG's convolutions beside ours: one set of arguments builds both, one set of tensors goes through both."""

from dataclasses import dataclass, field
from typing import Any

import torch
import torch_geometric.nn
from torch import Tensor, nn

from edgewise.layers import convolutions
from edgewise.pretrained.pyg import copy_weights, from_pyg

SENDERS, RECEIVERS = 4, 6  # channels; where there is one node set, it has those of the senders


def edge_list(num_senders: int, num_receivers: int, probability: float, loops: float) -> Tensor:
    """A random edge_index in no order, each edge once; `loops`: the share of nodes that hear themselves."""
    draw = torch.Generator().manual_seed(num_senders + 100 * num_receivers)
    mask = torch.rand(num_senders, num_receivers, generator=draw) < probability
    least = min(mask.shape)
    mask[range(least), range(least)] = torch.rand(least, generator=draw) < loops
    if num_senders > 4:
        mask[:, 2] = False  # hears nobody
        mask[3] = False  # is heard by nobody
        mask[4], mask[:, 4 % num_receivers] = False, False  # stands alone
    columns = mask.nonzero().t()
    return columns[:, torch.randperm(columns.shape[1], generator=draw)]


# How many nodes send and receive, and the edges.
GRAPHS = {
    "no self-loops": (9, 9, edge_list(9, 9, 0.4, 0.0)),
    "some self-loops": (9, 9, edge_list(9, 9, 0.4, 0.5)),
    "all in order": (3, 3, torch.tensor([[0, 1, 0, 2], [0, 0, 1, 1]])),
    "no edges": (5, 5, torch.empty(2, 0, dtype=torch.long)),
    "one node": (1, 1, torch.empty(2, 0, dtype=torch.long)),
    "one node that hears itself": (1, 1, torch.tensor([[0], [0]])),
}
PAIRS = {
    "more senders": (9, 6, edge_list(9, 6, 0.5, 0.5)),
    "more receivers": (5, 8, edge_list(5, 8, 0.5, 0.5)),
    "no edges": (3, 2, torch.empty(2, 0, dtype=torch.long)),
}


@dataclass(frozen=True)
class Case:
    """A convolution by name, its arguments after the channels, and what its edges carry."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    features: int = 0  # of an edge
    weights: bool = False  # whether edges have a weight
    channels: Any = SENDERS

    @property
    def pair(self) -> bool:
        """Whether senders and receivers are two node sets."""
        return isinstance(self.channels, tuple)

    def built(self, library: Any, dtype: torch.dtype) -> nn.Module:
        """The convolution as a library builds it, in eval mode where there is dropout."""
        torch.manual_seed(0)
        kind = getattr(library, self.name)
        if self.name == "GINConv":
            width = self.channels[0] if self.pair else self.channels
            convolution = kind(nn.Sequential(nn.Linear(width, 5), nn.Tanh(), nn.Linear(5, 3)), **self.arguments)
        else:
            convolution = kind(self.channels, 3, **self.arguments)
        return convolution.to(dtype).train(not self.arguments.get("dropout"))

    def both(self, dtype: torch.dtype = torch.float64) -> tuple[nn.Module, nn.Module]:
        """Theirs and ours with the same weights, none of them 0."""
        theirs, ours = self.built(torch_geometric.nn, dtype), self.built(convolutions, dtype)
        for weight in theirs.parameters():
            nn.init.uniform_(weight, -0.7, 0.9)
        copy_weights(theirs, ours)
        return theirs, ours

    def inputs(
        self, num_senders: int, num_receivers: int, num_edges: int, dtype: torch.dtype = torch.float64
    ) -> list[Tensor]:
        """States of the senders, of the receivers if they are others, and of the edges if they have any."""
        draw = torch.Generator().manual_seed(num_senders)
        widths = self.channels if self.pair else (self.channels,)
        shapes = [(count, width) for count, width in zip((num_senders, num_receivers), widths, strict=False)]
        shapes += [(num_edges, self.features)] * (self.features > 0) + [(num_edges,)] * self.weights
        tensors = [torch.randn(shape, generator=draw, dtype=torch.float64).to(dtype) for shape in shapes]
        return [*tensors[:-1], tensors[-1].abs() + 0.1] if self.weights else tensors

    def __str__(self) -> str:
        words = [f"{name}={value}" for name, value in self.arguments.items()]
        return " ".join([self.name, *words, *["weights"] * self.weights, *[f"of {self.channels}"] * self.pair])


def call(convolution: nn.Module, case: Case, edge_index: Any, inputs: list[Tensor]) -> Tensor:
    """The convolution's answer to the inputs of a case."""
    nodes, edges = (tuple(inputs[:2]), inputs[2:]) if case.pair else (inputs[0], inputs[1:])
    return convolution(nodes, edge_index, *edges)


def compared(
    theirs: nn.Module, ours: nn.Module, case: Case, edge_index: Tensor, inputs: list[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """Ours, then theirs: the output, the gradients of all inputs, and those of all parameters, by our names."""
    found, of_ours = forward_and_gradients(ours, case, edge_index, inputs)
    expected, of_theirs = forward_and_gradients(theirs, case, edge_index, inputs)
    of_theirs = from_pyg(of_theirs, ours)
    return [*found, *(of_ours[n] for n in of_ours)], [*expected, *(of_theirs[n] for n in of_ours)]


def forward_and_gradients(
    convolution: nn.Module, case: Case, edge_index: Tensor, inputs: list[Tensor]
) -> tuple[list[Tensor], dict[str, Tensor]]:
    """Output and gradients of all inputs, and those of all parameters by name; zeros for a buffer."""
    inputs = [x.clone().requires_grad_() for x in inputs]
    out = call(convolution, case, edge_index, inputs)
    draw = torch.Generator().manual_seed(1)
    wanted = torch.randn(out.shape, generator=draw, dtype=torch.float64).to(out.dtype)
    weights = dict(convolution.named_parameters(remove_duplicate=False))
    given = [*inputs, *weights.values()]
    gradients = torch.autograd.grad(out, given, wanted, allow_unused=True, materialize_grads=True)
    of_weights = {name: torch.zeros_like(x) for name, x in convolution.state_dict().items()}
    of_weights.update(zip(weights, gradients[len(inputs) :], strict=True))
    return [out, *gradients[: len(inputs)]], of_weights


BOTH = (SENDERS, RECEIVERS)
ATTENTION = [
    {},
    {"heads": 3},
    {"heads": 3, "concat": False},
    {"heads": 2, "bias": False},
    {"heads": 2, "dropout": 0.5},
]
GRAPH_ATTENTION = [
    *ATTENTION,
    {"heads": 2, "negative_slope": 0.05, "residual": True},
    {"heads": 2, "concat": False, "residual": True, "bias": False},
    {"heads": 2, "add_self_loops": False},
]
CASES = [
    *(Case("GCNConv", a, weights=w) for w in (False, True) for a in ({}, {"bias": False}, {"add_self_loops": False})),
    *(Case("SAGEConv", {"aggr": aggr}) for aggr in ("mean", "max", "sum", "add", ["max", "mean"])),
    Case("SAGEConv", {"root_weight": False, "bias": False}),
    Case("SAGEConv", {"normalize": True, "aggr": "sum"}),
    Case("SAGEConv", {"project": True, "aggr": "max"}),
    *(Case("SAGEConv", {"aggr": aggr, "project": True}, channels=BOTH) for aggr in ("mean", "max", "sum")),
    Case("SAGEConv", {"root_weight": False, "aggr": ["sum", "max"]}, channels=BOTH),
    *(Case("GINConv", {"eps": 0.3, "train_eps": train}) for train in (False, True)),
    Case("GINConv", {"train_eps": True}, channels=(SENDERS, SENDERS)),
    *(Case("GATConv", a) for a in GRAPH_ATTENTION),
    *(Case("GATConv", {**a, "edge_dim": 2}, features=2) for a in GRAPH_ATTENTION),
    Case("GATConv", {"heads": 2, "add_self_loops": False}, channels=BOTH),
    Case("GATConv", {"add_self_loops": False, "edge_dim": 1, "residual": True}, features=1, channels=BOTH),
    *(Case("GATv2Conv", a) for a in [*GRAPH_ATTENTION, {"heads": 2, "share_weights": True}]),
    *(Case("GATv2Conv", {**a, "edge_dim": 2}, features=2) for a in [*GRAPH_ATTENTION, {"share_weights": True}]),
    Case("GATv2Conv", {"heads": 2, "add_self_loops": False}, channels=BOTH),
    Case("GATv2Conv", {"add_self_loops": False, "edge_dim": 1, "residual": True}, features=1, channels=BOTH),
    *(Case("GMMConv", {"dim": 2, "kernel_size": k, "aggr": a}, 2) for k in (1, 4) for a in ("mean", "add")),
    Case("GMMConv", {"dim": 2, "kernel_size": 1, "aggr": "max"}, 2),
    Case("GMMConv", {"dim": 3, "kernel_size": 2, "bias": False}, 3),
    Case("GMMConv", {"dim": 1, "kernel_size": 3}, 1, channels=BOTH),
    *(Case("TransformerConv", a) for a in ATTENTION),
    *(Case("TransformerConv", {**a, "edge_dim": 2}, features=2) for a in ATTENTION),
    *(Case("TransformerConv", {"heads": 2, "beta": True, "concat": joined}) for joined in (True, False)),
    *(Case("TransformerConv", {"heads": 2, "root_weight": False, "bias": bias}) for bias in (True, False)),
    Case("TransformerConv", {"heads": 3, "concat": False, "root_weight": False}),
    Case("TransformerConv", {"heads": 2, "edge_dim": 2, "beta": True}, features=2, channels=BOTH),
    Case("TransformerConv", {"heads": 2, "root_weight": False}, channels=BOTH),
]
