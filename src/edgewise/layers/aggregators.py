"""How it is summed: the messages of a receiver's senders become one state per head.

Your own aggregator is a subclass with one method; name it in a recipe by its import path.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from edgewise import kernels
from edgewise.graph import Graph
from edgewise.kernels import EdgeTerm
from edgewise.layers.loudness import Loudness
from edgewise.part import Part


class Aggregator(nn.Module):
    """⊕_j over the senders that i hears; the result is `width` times as wide as a value."""

    width = 1
    normalises = False  # whether the loudness is read as logits
    linear = False  # whether ⊕_j W v_j = W ⊕_j v_j

    def forward(
        self,
        value: Float[Tensor, "*batch senders kv_heads dim"],
        loudness: Loudness,
        graph: Graph,
        edge_value: EdgeTerm | None,
    ) -> Float[Tensor, "*batch receivers heads width"]:
        """What every receiver makes of what it hears; with the heads of the value where the loudness has none."""
        raise NotImplementedError(f"{type(self).__name__}: defines forward(value, loudness, graph, edge_value)")


class _Reduction(Aggregator):
    reduce: str

    def forward(self, value: Tensor, loudness: Loudness, graph: Graph, edge_value: EdgeTerm | None) -> Tensor:
        """The kernel's reduction, weighed by the loudness."""
        weights = loudness.weights(graph, value.shape[-2])
        return kernels.aggregate(value, graph, self.reduce, weights=weights, edge_value=edge_value)


class Sum(_Reduction):
    """Σ_j s_ij (v_j + W e_ij)."""

    reduce = "sum"
    linear = True


class Mean(_Reduction):
    """(1 / number of senders heard) Σ_j s_ij (v_j + W e_ij)."""

    reduce = "mean"
    linear = True


class Max(_Reduction):
    """max_j s_ij (v_j + W e_ij), channel by channel."""

    reduce = "max"


class Softmax(Aggregator):
    """Σ_j softmax_j(s_ij) (v_j + W e_ij): attention."""

    normalises, linear = True, True

    def forward(self, value: Tensor, loudness: Loudness, graph: Graph, edge_value: EdgeTerm | None) -> Tensor:
        """The kernel's attention."""
        return loudness.attend(value, graph, edge_value)


class Several(Aggregator):
    """[⊕₁ ‖ ⊕₂ ‖ …]: several aggregators of the same messages, side by side.

    Principal neighbourhood aggregation, Corso et al. 2020, https://arxiv.org/abs/2004.05718
    """

    def __init__(self, of: Sequence[str | Part | Mapping[str, Any]] = ("mean", "max")) -> None:
        super().__init__()
        if len(of) == 0:
            raise ValueError('several: needs at least one aggregator in of=[...], such as ["mean", "max"]')
        members: list[Aggregator] = [Part.of(part).build(AGGREGATORS, "aggregator") for part in of]
        self.members = nn.ModuleList(members)
        self.width = sum(member.width for member in members)
        self.normalises = all(member.normalises for member in members)

    def forward(self, value: Tensor, loudness: Loudness, graph: Graph, edge_value: EdgeTerm | None) -> Tensor:
        """Each in turn, joined along the channels of a head."""
        return torch.cat([member(value, loudness, graph, edge_value) for member in self.members], dim=-1)


AGGREGATORS: dict[str, type[Aggregator]] = {
    "sum": Sum,
    "mean": Mean,
    "max": Max,
    "softmax": Softmax,
    "several": Several,
}
