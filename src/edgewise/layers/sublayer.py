"""Norm and join around one step of a block."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from edgewise.layers.dropout import Dropout
from edgewise.layers.joins import JOINS
from edgewise.layers.norms import NORMS
from edgewise.part import Part

Placement = Literal["pre", "post"]


class Sublayer(nn.Module):
    """pre: x + f(norm(x)).  post: norm(x + f(x)).  Without residual the `x +` is missing, without norm the norm.

    A `join` other than "residual" stands where the sum is: pre g(x, f(norm(x))), post norm(g(x, f(x))).

    Xiong et al. 2020 compare the two placements, https://arxiv.org/abs/2002.04745

    Args:
        in_dim: channels of x.
        out_dim: channels of f's result; a residual needs them equal.
        norm: name or Part of a norm; None for none.
        placement: where the norm stands.
        residual: whether x is kept at all.
        dropout: of f's result.
        join: name or Part of a join in JOINS: how f's result joins x.
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        norm: str | Part | None = None,
        placement: Placement = "pre",
        residual: bool = True,
        dropout: float = 0.0,
        join: str | Part = "residual",
    ) -> None:
        super().__init__()
        if placement not in ("pre", "post"):
            raise ValueError(f"Sublayer: placement must be 'pre' or 'post', got {placement!r}")
        if residual and in_dim != out_dim:
            raise ValueError(
                f"Sublayer: a residual adds the state itself, so {in_dim} and {out_dim} channels must be equal; "
                "set residual=False where the width changes"
            )
        if not residual and join != "residual":
            raise ValueError(
                f"Sublayer: join={Part.of(join).name!r} joins the result to the state, and residual=False leaves the "
                "state out; set one of them alone"
            )
        self.placement = placement
        self.join = Part.of(join).build(JOINS, "join", dim=in_dim) if residual else None
        width = in_dim if placement == "pre" else out_dim
        self.norm = None if norm is None else Part.of(norm).build(NORMS, "norm", dim=width)
        self.dropout = Dropout(dropout)

    def before(self, x: Float[Tensor, "*batch nodes in_dim"]) -> Float[Tensor, "*batch nodes in_dim"]:
        """What f is given."""
        return x if self.norm is None or self.placement == "post" else self.norm(x)

    def after(
        self, x: Float[Tensor, "*batch nodes in_dim"], result: Float[Tensor, "*batch nodes out_dim"]
    ) -> Float[Tensor, "*batch nodes out_dim"]:
        """What becomes of f's result."""
        result = self.dropout(result)
        out = result if self.join is None else self.join(x, result)
        return out if self.norm is None or self.placement == "pre" else self.norm(out)
