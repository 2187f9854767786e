"""Features on their way in: finite, and on a known scale. What is sparse stays sparse."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.data.sparse import is_sparse, row_of_entry, with_values


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
    if is_sparse(features):
        rows, values = row_of_entry(features), features.values()
        totals = values.new_zeros(len(features)).index_add_(0, rows, values.abs())[rows]
        return with_values(features, values / totals.where(totals > 0, 1))
    total = features.abs().sum(dim=1, keepdim=True)
    return features / total.where(total > 0, 1)


NORMALISERS: dict[str, Callable[[Tensor], Tensor]] = {"none": none, "row": row}


def check_features(features: Tensor, where: str) -> None:
    """Refuse features that are no finite floating-point table, dense or in CSR layout."""
    if not features.is_floating_point() or features.dim() != 2:
        got = f"{features.dtype} {list(features.shape)}"
        raise TypeError(f"{where}: expected floating-point features [nodes, features], got {got}")
    if features.layout not in (torch.strided, torch.sparse_csr):
        raise TypeError(
            f"{where}: expected features that are dense or torch.sparse_csr, got {features.layout};"
            " features.to_sparse_csr() makes them so"
        )
    check_finite(features, where)


def check_finite(features: Float[Tensor, "rows features"], where: str, row: str = "node") -> None:
    """Refuse NaN and infinity: one of them at one node would reach every number of the model in a few epochs."""
    stored = features.values() if is_sparse(features) else features
    wrong = (~stored.isfinite()).nonzero()
    if len(wrong):
        place = tuple(wrong[0].tolist())
        value = stored[place].item()
        if is_sparse(features):
            place = int(row_of_entry(features)[place]), int(features.col_indices()[place])
        k, column = place
        raise ValueError(
            f"{where}: expected finite features, got {value} at {row} {k}, column {column}"
            f" ({len(wrong)} such values in all); drop or fill them before training"
        )
