"""A way to compute one problem: which function of which tensors, in which layout, through how many pairs."""

from collections.abc import Callable
from dataclasses import dataclass

from problem import Problem
from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """From [nodes, heads, dim] to the layout that a library likes best, and back."""

    own: Callable[[Tensor], Tensor]
    nodes_first: Callable[[Tensor], Tensor]


NODES_FIRST = Layout(lambda x: x, lambda x: x)
HEADS_FIRST = Layout(lambda x: x.transpose(0, 1)[None].contiguous(), lambda x: x[0].transpose(0, 1))


@dataclass(frozen=True)
class Way:
    """`compute()` reads `leaves`, in `layout`, and answers `problem`; times are told by `pairs` and head."""

    problem: Problem
    compute: Callable[[], Tensor]
    leaves: list[Tensor]
    pairs: int
    layout: Layout = NODES_FIRST
    backward: bool = True


def leaves(problem: Problem, layout: Layout) -> list[Tensor]:
    """The tensors of a problem in another layout."""
    return [layout.own(x.detach()).requires_grad_() for x in problem.leaves]
