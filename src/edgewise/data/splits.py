"""Which nodes are learned from, which choose the model, and which judge it."""

from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor


class Split(NamedTuple):
    """Node numbers, sorted; no node is in two of them."""

    train: Int[Tensor, " train"]
    validation: Int[Tensor, " validation"]
    test: Int[Tensor, " test"]


def per_class(targets: Int[Tensor, " nodes"], *, train_per_class: int, validation: int, test: int, seed: int) -> Split:
    """`train_per_class` nodes of every class, then `validation` and `test` nodes of the rest, all drawn at random.

    The nodes are shuffled once by `seed`; each part takes the first nodes that it may have. So a split with fewer
    training nodes differs in the other parts, too, but the same numbers and seed always give the same split.

    >>> split = per_class(torch.tensor([0, 1, 0, 1, 0, 1]), train_per_class=1, validation=2, test=2, seed=0)
    >>> [len(part) for part in split]
    [2, 2, 2]
    """
    counts = {"train_per_class": train_per_class, "validation": validation, "test": test}
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"split: {name} must be at least 1, got {count}. It counts nodes.")
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed))
    shuffled = targets[order]
    chosen = torch.zeros(len(targets), dtype=torch.bool)
    for label in targets.unique().tolist():
        members = (shuffled == label).nonzero()[:, 0]
        if len(members) < train_per_class:
            raise ValueError(
                f"split: class {label} has {len(members)} nodes, fewer than train_per_class = {train_per_class}"
            )
        chosen[members[:train_per_class]] = True
    train, rest = order[chosen], order[~chosen]
    if len(rest) < validation + test:
        raise ValueError(
            f"split: {len(targets)} nodes less {len(train)} for training leave {len(rest)},"
            f" fewer than validation + test = {validation} + {test}"
        )
    return Split(
        train.sort().values,
        rest[:validation].sort().values,
        rest[validation : validation + test].sort().values,
    )
