"""What the drop-in layers share: one MessagePassing, called the way PyG calls its convolutions."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from edgewise.graph import Graph
from edgewise.layers.convolutions.edge_index import sorted_edges
from edgewise.layers.hearing import Hearing
from edgewise.layers.message_passing import MessagePassing
from edgewise.layers.self_loops import SelfLoops

Channels = int | tuple[int, int]
"""Channels of a node's state; a pair where senders and receivers are two node sets."""

Nodes = Float[Tensor, "*batch nodes channels"]
Pair = tuple[Float[Tensor, "*batch senders sender_channels"], Float[Tensor, "*batch receivers receiver_channels"]]
EdgeIndex = Int[Tensor, "2 edges"]
EdgeFeatures = Float[Tensor, "edges features"] | Float[Tensor, "edges"]

AGGREGATORS: Mapping[str, str] = {"add": "sum", "sum": "sum", "mean": "mean", "max": "max"}
"""PyG's names of aggregators, and ours."""


class Convolution(nn.Module):
    """`layer`, a MessagePassing, called with states, an edge_index [2, E] (senders above receivers) and edge features.

    Edge features come in the order of the edge_index. The edge_index is sorted when it is first seen; a Graph in its
    place is taken as it is, and edge features then follow the order of its edges.
    """

    def __init__(self, in_channels: Channels, out_channels: int, hearing: Hearing, **settings: Any) -> None:
        """`settings`: the arguments as PyG calls them, kept as attributes as PyG keeps them."""
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.settings = settings
        for name, value in settings.items():
            setattr(self, name, value)
        senders, receivers = (in_channels, in_channels) if isinstance(in_channels, int) else in_channels
        if min(senders, receivers, out_channels) < 1:
            raise ValueError(
                f"{type(self).__name__}: in_channels and out_channels must be at least 1, got {in_channels} and "
                f"{out_channels}; a width is not derived from the first input, say it"
            )
        width = out_channels * (hearing.num_heads if hearing.heads == "concat" else 1)
        self._make = partial(MessagePassing, receivers, width, hearing, senders)
        self.layer = self._make()

    def extra_repr(self) -> str:
        """The arguments, as they were given."""
        named = (f", {name}={value!r}" for name, value in self.settings.items())
        return f"{self.in_channels}, {self.out_channels}{''.join(named)}"

    def reset_parameters(self) -> None:
        """Draw all weights anew, as when the layer was made."""
        self.layer.load_state_dict(self._make().state_dict())

    def _hear(self, x: Nodes | Pair, edge_index: EdgeIndex | Graph, edges: Tensor | None = None) -> Tensor:
        """The layer's answer; `edges` holds one number, or a row of features, an edge."""
        senders, receivers = self._ends(x)
        edges = edges[:, None] if edges is not None and edges.dim() == 1 else edges
        if isinstance(edge_index, Graph):
            graph = edge_index
        else:
            graph, order = sorted_edges(edge_index, senders.shape[-2], receivers.shape[-2], type(self).__name__)
            if edges is not None and len(edges) != graph.num_edges:
                raise ValueError(
                    f"{type(self).__name__}: edge features need a row for each of the {graph.num_edges} edges, "
                    f"got {list(edges.shape)}"
                )
            edges = edges if edges is None or order is None else edges[order]
        if self.layer.hearing.self_loops != "none" and graph.num_senders != graph.num_receivers:
            raise ValueError(
                f"{type(self).__name__}: add_self_loops needs as many senders as receivers, got {graph.num_senders} "
                f"and {graph.num_receivers}; set add_self_loops=False, and put the loops you mean into edge_index"
            )
        out: Tensor = self.layer(receivers, graph, senders=None if senders is receivers else senders, edges=edges)
        return out

    def _ends(self, x: Nodes | Pair) -> tuple[Tensor, Tensor]:
        """States of senders and of receivers; one tensor is both."""
        if isinstance(x, Tensor):
            if not isinstance(self.in_channels, int) and len(set(self.in_channels)) > 1:
                raise ValueError(
                    f"{type(self).__name__}: senders have {self.in_channels[0]} channels and receivers "
                    f"{self.in_channels[1]}; give x as (x_senders, x_receivers)"
                )
            return x, x
        senders, receivers = x
        if receivers is None:
            raise ValueError(
                f"{type(self).__name__}: x is (x_senders, None); the receivers' own states are heard too, give both"
            )
        return senders, receivers


def new_self_loops(add_self_loops: bool, fill_value: str, where: str) -> SelfLoops:
    """The word for loops that are made anew, with the mean of a node's edge features, if there shall be any."""
    if fill_value != "mean":
        raise ValueError(
            f"{where}: fill_value must be 'mean', got {fill_value!r}; for other features put the loops into edge_index "
            "and set add_self_loops=False"
        )
    return "mean" if add_self_loops else "none"
