"""Residual and norm around one step of a block."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from edgewise.layers.norms import NORMS
from edgewise.part import Part

Placement = Literal["pre", "post"]


class Sublayer(nn.Module):
    """pre: x + f(norm(x)).  post: norm(x + f(x)).  Without residual the `x +` is missing, without norm the norm.

    Xiong et al. 2020 compare the two placements, https://arxiv.org/abs/2002.04745

    Args:
        in_dim: channels of x.
        out_dim: channels of f's result; a residual needs them equal.
        norm: name or Part of a norm; None for none.
        placement: where the norm stands.
        residual: whether x is added.
        dropout: of f's result.
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        norm: str | Part | None = None,
        placement: Placement = "pre",
        residual: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if placement not in ("pre", "post"):
            raise ValueError(f"Sublayer: placement must be 'pre' or 'post', got {placement!r}")
        if residual and in_dim != out_dim:
            raise ValueError(
                f"Sublayer: a residual adds the state itself, so {in_dim} and {out_dim} channels must be equal; "
                "set residual=False where the width changes"
            )
        self.residual, self.placement = residual, placement
        width = in_dim if placement == "pre" else out_dim
        self.norm = None if norm is None else Part.of(norm).build(NORMS, "norm", dim=width)
        self.dropout = nn.Dropout(dropout)

    def before(self, x: Float[Tensor, "*batch nodes in_dim"]) -> Float[Tensor, "*batch nodes in_dim"]:
        """What f is given."""
        return x if self.norm is None or self.placement == "post" else self.norm(x)

    def after(
        self, x: Float[Tensor, "*batch nodes in_dim"], result: Float[Tensor, "*batch nodes out_dim"]
    ) -> Float[Tensor, "*batch nodes out_dim"]:
        """What becomes of f's result."""
        result = self.dropout(result)
        out = x + result if self.residual else result
        return out if self.norm is None or self.placement == "pre" else self.norm(out)
