"""Which examples are learned from, which choose the model, and which judge it."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from edgewise.data.answers import Answer
from edgewise.part import Part

SplitPart = str | Part | Mapping[str, Any]  # a name in SPLITS, or with options: {name = "random", train = 0.8}


class Split(NamedTuple):
    """Numbers of examples, sorted; none is in two of them."""

    train: Int[Tensor, " train"]
    validation: Int[Tensor, " validation"]
    test: Int[Tensor, " test"]


def per_class(targets: Tensor, *, train_per_class: int, validation: int, test: int, seed: int) -> Split:
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
    if targets.dim() != 1 or targets.is_floating_point():
        raise ValueError("split: per_class wants one class an example; random takes labels and numbers as well")
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


def shares(targets: Tensor, *, train: float = 0.6, validation: float = 0.2, seed: int) -> Split:
    """A share `train` of all examples at random, a share `validation`, and the rest for testing.

    >>> [len(part) for part in shares(torch.zeros(10), train=0.8, validation=0.1, seed=0)]
    [8, 1, 1]
    """
    if not (train > 0 and validation > 0 and train + validation < 1):
        raise ValueError(
            f"split: expected shares above 0 that leave something for testing, got train = {train} and"
            f" validation = {validation}"
        )
    count = len(targets)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    learned, chosen = round(train * count), round(validation * count)
    return Split(*(part.sort().values for part in order.tensor_split([learned, learned + chosen])))


def given(*, given: Split | None) -> Split:
    """The split that the data bring."""
    if given is None:
        raise ValueError(f"split: these data bring none of their own; take one of {', '.join(sorted(SPLITS))}")
    return given


SPLITS: dict[str, Callable[..., Split]] = {"given": given, "random": shares, "per_class": per_class}


def drawn(
    split: SplitPart,
    *,
    targets: Tensor,
    answer: Answer,
    seed: int,
    given: Split | None = None,
    groups: Sequence[Hashable] | None = None,
) -> Split:
    """The split of that name, of the examples whose targets are known; a given one leaves the unknown out.

    `groups` says which examples belong together, for the splits that keep groups whole.
    """
    known = answer.known(targets).reshape(len(targets), -1).any(dim=1)
    asked = known.nonzero()[:, 0]
    place = known.cumsum(0) - 1
    own = None if given is None else Split(*(place[part[known[part]]] for part in given))
    together = None if groups is None else [groups[k] for k in asked.tolist()]
    found = Part.of(split).build(SPLITS, "split", targets=targets[asked], seed=seed, given=own, groups=together)
    return Split(*(asked[part] for part in found))
