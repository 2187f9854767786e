"""From nodes to whole graphs: a graph hears its nodes, as nodes hear each other."""

from jaxtyping import Float
from torch import Tensor, nn

from edgewise.graph import Graph
from edgewise.kernels import Given, aggregate, attend


class _ReductionReadout(nn.Module):
    reduce: str

    def __init__(self, dim: int) -> None:
        super().__init__()

    def forward(self, x: Float[Tensor, "*batch nodes dim"], graph: Graph) -> Float[Tensor, "*batch graphs dim"]:
        """One row for each graph of the batch; zeros for a graph without nodes."""
        return aggregate(x.unsqueeze(-2), graph.members(), self.reduce).squeeze(-2)


class SumReadout(_ReductionReadout):
    """h_G = Σ_i h_i over the nodes of a graph."""

    reduce = "sum"


class MeanReadout(_ReductionReadout):
    """h_G = (1/N) Σ_i h_i over the nodes of a graph."""

    reduce = "mean"


class MaxReadout(_ReductionReadout):
    """h_G = max_i h_i over the nodes of a graph, channel by channel."""

    reduce = "max"


class AttentionReadout(nn.Module):
    """h_G = Σ_i softmax_i(w · h_i + b) h_i over the nodes of a graph.

    Li et al. 2016, equation 7 without its tanh, https://arxiv.org/abs/1511.05493
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.score = nn.Linear(dim, 1)

    def forward(self, x: Float[Tensor, "*batch nodes dim"], graph: Graph) -> Float[Tensor, "*batch graphs dim"]:
        """One row for each graph of the batch; zeros for a graph without nodes."""
        return attend(None, None, x.unsqueeze(-2), graph.members(), score=Given(self.score(x))).squeeze(-2)


READOUTS: dict[str, type[nn.Module]] = {
    "sum": SumReadout,
    "mean": MeanReadout,
    "max": MaxReadout,
    "attention": AttentionReadout,
}
