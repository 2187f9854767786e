"""How it is summed: the messages of a receiver's senders become one state per head.

Your own aggregator is a subclass with one method; name it in a recipe by its import path. It is built with those of
`num_heads` and `dim` (a value's heads, and channels of each) that its constructor names, and with its options.
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
from edgewise.layers.offsets import Reach
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


class Convolution(Aggregator):
    """Σ_j s_ij W_{j-i} (v_j + W e_ij): what a sender says is transformed by a matrix of its offset, one per head.

    The kernel reaches `before` nodes to the left and `after` to the right, as the pattern window(before, after) does; a
    graph that reaches beyond it is refused, and an edge that is not there is a zero of the padding. The result is
    `times` as wide as a value. For the backward pass it keeps what each receiver heard at each offset, width × channels
    numbers, as convolutions by one matrix product do: here alone memory follows edges × channels.

    Gehring et al. 2017, section 3.1, https://arxiv.org/abs/1705.03122, with score="constant", one head, times=2 and
    the `gate` of Hearing. Depthwise where a head has one channel.
    """

    def __init__(self, num_heads: int, dim: int, before: int = 1, after: int = 1, times: int = 1) -> None:
        super().__init__()
        self.reach, self.width = Reach.of("convolution", before, after), times
        # A heard state of unit variance becomes one, where the whole kernel hears.
        bound = (3 / max(self.reach.width * dim, 1)) ** 0.5
        self.kernel = nn.Parameter(torch.empty(self.reach.width, num_heads, dim, times * dim).uniform_(-bound, bound))

    def forward(self, value: Tensor, loudness: Loudness, graph: Graph, edge_value: EdgeTerm | None) -> Tensor:
        """What is heard at each offset side by side, then one matrix product: width × channels for each receiver."""
        weights = loudness.weights(graph, value.shape[-2])
        rows, columns = [], []
        for row, part, edges in self.reach.parts(graph, "convolution"):
            own = weights if weights is None else weights.index_select(0 if weights.dim() == 1 else -2, edges)
            term = None if edge_value is None else EdgeTerm(edge_value.features[edges], edge_value.weight)
            columns.append(kernels.aggregate(value, part, "sum", weights=own, edge_value=term))
            rows.append(row)
        if not columns:
            heads = value.shape[-2] if weights is None or weights.dim() == 1 else weights.shape[-1]
            return value.new_zeros(*value.shape[:-3], graph.num_receivers, heads, self.kernel.shape[-1])
        heard = torch.stack(columns, dim=-3)
        kernel = self.kernel[rows].repeat_interleave(heard.shape[-2] // self.kernel.shape[1], dim=1)
        return torch.einsum("...rkhv,khvo->...rho", heard, kernel)


class Several(Aggregator):
    """[⊕₁ ‖ ⊕₂ ‖ …]: several aggregators of the same messages, side by side.

    Principal neighbourhood aggregation, Corso et al. 2020, https://arxiv.org/abs/2004.05718
    """

    def __init__(
        self, num_heads: int, dim: int, of: Sequence[str | Part | Mapping[str, Any]] = ("mean", "max")
    ) -> None:
        super().__init__()
        if len(of) == 0:
            raise ValueError('several: needs at least one aggregator in of=[...], such as ["mean", "max"]')
        members: list[Aggregator] = [
            Part.of(part).build(AGGREGATORS, "aggregator", num_heads=num_heads, dim=dim) for part in of
        ]
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
    "convolution": Convolution,
    "several": Several,
}
