"""Features on their way in: finite, and on a known scale."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor


def none(features: Float[Tensor, "nodes features"]) -> Float[Tensor, "nodes features"]:
    """x_if' = x_if: the features as they are."""
    return features


def row(features: Float[Tensor, "nodes features"]) -> Float[Tensor, "nodes features"]:
    """x_if' = x_if / sum_g |x_ig|: the sizes of a node's features sum to one. A row of zeros stays zeros.

    >>> import torch
    >>> row(torch.tensor([[1.0, 3.0], [0.0, 0.0]]))
    tensor([[0.2500, 0.7500],
            [0.0000, 0.0000]])
    """
    check_finite(features, "normalise")
    total = features.abs().sum(dim=1, keepdim=True)
    return features / total.where(total > 0, 1)


NORMALISERS: dict[str, Callable[[Tensor], Tensor]] = {"none": none, "row": row}


def check_finite(features: Float[Tensor, "rows features"], where: str, row: str = "node") -> None:
    """Refuse NaN and infinity: one of them at one node would reach every number of the model in a few epochs."""
    wrong = (~features.isfinite()).nonzero()
    if len(wrong):
        k, column = wrong[0].tolist()
        value = features[k, column].item()
        raise ValueError(
            f"{where}: expected finite features, got {value} at {row} {k}, column {column}"
            f" ({len(wrong)} such values in all); drop or fill them before training"
        )
