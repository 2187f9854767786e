"""PyG's own layers as models that a recipe can name (`model.name=pyg_models:gat`), trained in the same loop as ours.

Each has the arguments of the page of `edgewise.models` of its name, and stands as PyG's examples have it.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, elu, relu
from torch_geometric.nn import (
    GATConv,
    GCNConv,
    GINConv,
    GMMConv,
    TransformerConv,
    global_add_pool,
    global_mean_pool,
)

from edgewise import Graph
from edgewise.layers.positions import NODE_POSITIONS
from edgewise.part import Part

Activation = Callable[[Tensor], Tensor]
NORMS = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
READOUTS = {"sum": global_add_pool, "mean": global_mean_pool}


class Stack(nn.Module):
    """Convolutions in a row, dropout before each, an activation between them."""

    def __init__(self, convolutions: list[nn.Module], activation: Activation, dropout: float) -> None:
        super().__init__()
        self.convolutions, self.activation, self.dropout = nn.ModuleList(convolutions), activation, dropout

    def forward(self, graph: Graph, x: Tensor) -> Tensor:
        given, x = edge_index(graph), dense(x)
        for number, convolution in enumerate(self.convolutions):
            x = convolution(dropout(x, self.dropout, self.training), *self.of_edges(given, len(x)))
            if number + 1 < len(self.convolutions):
                x = self.activation(x)
        return x

    def of_edges(self, edge_index: Tensor, num_nodes: int) -> tuple[Tensor, ...]:
        return (edge_index,)


class Gaussian(Stack):
    """With the pseudo-coordinates of MoNet: one over the root of the degrees of both ends."""

    def of_edges(self, edge_index: Tensor, num_nodes: int) -> tuple[Tensor, ...]:
        degree = torch.bincount(edge_index[1], minlength=num_nodes).clamp(min=1)
        return edge_index, degree[edge_index].T.float().rsqrt()


class Linked(nn.Module):
    """Pairs of the graph "links" by the states that a stack gives along "edges": y_ij = w q_i · q_j / √d + b."""

    def __init__(self, stack: Stack, dim: int) -> None:
        super().__init__()
        self.stack, self.query, self.combine = stack, nn.Linear(dim, dim, bias=False), nn.Linear(1, 1)
        nn.init.ones_(self.combine.weight)

    def forward(self, graphs: Mapping[str, Graph], x: Tensor) -> Tensor:
        query = self.query(self.stack(graphs["edges"], x))
        senders, receivers = edge_index(graphs["links"])
        scores = (query[senders] * query[receivers]).sum(-1, keepdim=True) / query.shape[-1] ** 0.5
        return self.combine(scores)


class Transformer(nn.Module):
    """Attention over the edges and a feed-forward, each with residual and norm after; positions are added."""

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        hidden: int,
        num_heads: int,
        num_layers: int,
        dropout: float,
        edge_dim: int | None,
        positions: tuple[str | Part, ...],
        norm: str,
        answer: Part,
        input_dropout: float,
    ) -> None:
        super().__init__()
        self.embed, self.dropout = nn.Linear(in_dim, hidden), dropout
        self.readout = READOUTS[answer.options.get("readout", "mean")] if answer.name == "graph" else None
        self.input_dropout = nn.Dropout(input_dropout)
        made = (Part.of(part).build(NODE_POSITIONS, "node position", dim=hidden) for part in positions)
        self.positions = nn.ModuleList(made)
        self.attention, self.output, self.feed_forward = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        self.norms = nn.ModuleList(NORMS[norm](hidden) for _ in range(2 * num_layers))
        for _ in range(num_layers):
            each = hidden // num_heads
            self.attention.append(
                TransformerConv(
                    hidden, each, num_heads, dropout=dropout, edge_dim=edge_dim, bias=False, root_weight=False
                )
            )
            self.output.append(nn.Linear(hidden, hidden))
            wide = nn.Linear(hidden, 2 * hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(2 * hidden, hidden)
            self.feed_forward.append(nn.Sequential(*wide))
        last = answer.options.get("hidden", 0)
        deep = (nn.Linear(hidden, last), nn.ReLU()) if last else ()
        self.head = nn.Sequential(*deep, nn.Linear(last or hidden, out_dim))

    def forward(self, graph: Graph, x: Tensor, edges: Tensor | None = None) -> Tensor:
        given, h = edge_index(graph), self.embed(self.input_dropout(dense(x)))
        for position in self.positions:
            h = h + position(graph)
        h = self.input_dropout(h)
        for number, attention in enumerate(self.attention):
            heard = self.output[number](attention(h, given, edges))
            h = self.norms[2 * number](h + dropout(heard, self.dropout, self.training))
            more = self.feed_forward[number](h)
            h = self.norms[2 * number + 1](h + dropout(more, self.dropout, self.training))
        if self.readout is not None:
            h = self.readout(h, torch.repeat_interleave(graph.receiver_offsets.diff()))
        return self.head(h)


class Isomorphism(nn.Module):
    """GIN: features projected, convolutions with a batch-normalised feed-forward, the sum of all nodes read out."""

    def __init__(self, in_dim: int, out_dim: int, hidden: int, num_layers: int, dropout: float) -> None:
        super().__init__()
        self.embed, self.head = nn.Linear(in_dim, hidden), nn.Linear(hidden, out_dim)
        self.convolutions = nn.ModuleList(
            GINConv(
                nn.Sequential(
                    nn.Linear(hidden, hidden),
                    nn.BatchNorm1d(hidden),
                    nn.ReLU(),
                    nn.Dropout(dropout),
                    nn.Linear(hidden, hidden),
                ),
                train_eps=True,
            )
            for _ in range(num_layers)
        )

    def forward(self, graph: Graph, x: Tensor) -> Tensor:
        given, h = edge_index(graph), self.embed(dense(x))
        for convolution in self.convolutions:
            h = relu(convolution(h, given))
        return self.head(global_add_pool(h, torch.repeat_interleave(graph.receiver_offsets.diff())))


def gcn(in_dim: int, out_dim: int, *, hidden: int = 16, num_layers: int = 2, dropout: float = 0.5) -> nn.Module:
    widths = [in_dim, *[hidden] * (num_layers - 1), out_dim]
    return Stack([GCNConv(*pair) for pair in pairwise(widths)], relu, dropout)


def gat(
    in_dim: int,
    out_dim: int,
    *,
    hidden: int = 8,
    num_heads: int = 8,
    num_layers: int = 2,
    out_heads: int = 1,
    dropout: float = 0.6,
    head: str | None = None,
) -> nn.Module:
    wide = hidden * num_heads
    widths = [in_dim, *[wide] * (num_layers - 1)]
    inner = [GATConv(width, hidden, num_heads, dropout=dropout) for width in widths[:-1]]
    last = GATConv(widths[-1], wide if head == "links" else out_dim, out_heads, concat=False, dropout=dropout)
    stack = Stack([*inner, last], elu, dropout)
    return Linked(stack, wide) if head == "links" else stack


def monet(
    in_dim: int, out_dim: int, *, hidden: int = 16, num_kernels: int = 3, num_layers: int = 2, dropout: float = 0.5
) -> nn.Module:
    widths = [in_dim, *[hidden] * (num_layers - 1), out_dim]
    return Gaussian([GMMConv(*pair, dim=2, kernel_size=num_kernels) for pair in pairwise(widths)], relu, dropout)


def graph_transformer(
    in_dim: int,
    out_dim: int,
    *,
    hidden: int = 64,
    num_heads: int = 8,
    num_layers: int = 4,
    norm: str = "batch",
    positions: tuple[str | Part, ...] = (Part("laplacian", {"count": 8}),),
    edge_dim: int | None = None,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
    head: str | Mapping[str, Any] = "nodes",
) -> nn.Module:
    return Transformer(
        in_dim,
        out_dim,
        hidden,
        num_heads,
        num_layers,
        dropout,
        edge_dim,
        positions,
        norm,
        answer=Part.of(head),
        input_dropout=input_dropout,
    )


def gin(
    in_dim: int, out_dim: int, *, hidden: int = 64, num_layers: int = 5, readout: str = "sum", dropout: float = 0.5
) -> nn.Module:
    if readout != "sum":
        raise ValueError(f"pyg_models.gin: reads out the sum, got readout={readout!r}")
    return Isomorphism(in_dim, out_dim, hidden, num_layers, dropout)


def dense(x: Tensor) -> Tensor:
    """Features as PyG's layers multiply them; of a table that comes again, made once."""
    if x.layout == torch.strided:
        return x
    if _DENSE.get("of") is not x:
        _DENSE.update(of=x, made=x.to_dense())
    return _DENSE["made"]


_DENSE: dict[str, Tensor] = {}


def edge_index(graph: Graph) -> Tensor:
    """The edges as PyG has them, made once for a graph."""
    return graph.remember("edge_index", graph.to_edge_index)
