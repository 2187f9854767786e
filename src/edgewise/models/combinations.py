"""What a block is given of all that the blocks before it have said."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor, nn, ones

from edgewise.layers import NORMS
from edgewise.names import lookup
from edgewise.part import Part


class LinearCombination(nn.Module):
    """pre: x_{l+1} = Σ_{k ≤ l} w_{l,k} N_k(y_k).  post: x_{l+1} = N_l(Σ_{k ≤ l} w_{l,k} y_k).

    y_0 is what was embedded and y_k what block k gave; x_{l+1} is what block l + 1 is given, and after the last block
    the final state. Each N is a norm of its own, or nothing where there is none; w is learned and begins as the
    average, 1/(l + 1).

    Dynamic linear combination of layers (DLCL), Wang et al. 2019, section 3, https://arxiv.org/abs/1906.01787

    Args:
        dim: channels of a state, the same after every block.
        num_blocks: how many blocks there are.
        norm: name, table or Part of a norm; None for none.
        placement: "pre": of each state once, as pre-norm blocks have it; "post": of each sum.
    """

    def __init__(
        self,
        dim: int,
        num_blocks: int,
        norm: str | Part | Mapping[str, Any] | None = "layer",
        placement: Literal["pre", "post"] = "pre",
    ) -> None:
        super().__init__()
        lookup(placement, {"pre": True, "post": True}, "placement")
        self.placement = placement
        self.weights = nn.ParameterList([nn.Parameter(ones(n) / n) for n in range(1, num_blocks + 2)])
        made = [] if norm is None else [Part.of(norm).build(NORMS, "norm", dim=dim) for _ in self.weights]
        self.norms = nn.ModuleList(made)

    def said(self, k: int, y: Float[Tensor, "*batch nodes dim"]) -> Float[Tensor, "*batch nodes dim"]:
        """y_k as it is kept for all blocks to come."""
        return self._normed(k, y) if self.placement == "pre" else y

    def forward(self, said: Sequence[Float[Tensor, "*batch nodes dim"]]) -> Float[Tensor, "*batch nodes dim"]:
        """x_{l+1} of y_0 … y_l as they were kept."""
        last = len(said) - 1
        out: Tensor = sum(w * y for w, y in zip(self.weights[last], said, strict=True))
        return self._normed(last, out) if self.placement == "post" else out

    def _normed(self, k: int, x: Tensor) -> Tensor:
        normed: Tensor = self.norms[k](x) if len(self.norms) else x
        return normed


COMBINATIONS: dict[str, type[nn.Module]] = {"linear": LinearCombination}


def combined(
    combination: str | Part | Mapping[str, Any] | None, norm: str | Part | Mapping[str, Any], placement: str
) -> Part | None:
    """The combination with the norm and placement of the blocks, where it takes any and does not say otherwise.

    >>> combined("linear", "rms", "pre")
    Part('linear', norm='rms', placement='pre')
    """
    if combination is None:
        return None
    part = Part.of(combination)
    takes = inspect.signature(part.found(COMBINATIONS, "combination")).parameters
    usual = {name: value for name, value in (("norm", norm), ("placement", placement)) if name in takes}
    return Part(part.name, {**usual, **part.options})
