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
    _check_shares(train, validation)
    count = len(targets)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    learned, chosen = round(train * count), round(validation * count)
    return Split(*(part.sort().values for part in order.tensor_split([learned, learned + chosen])))


def in_order(targets: Tensor, *, train: float = 0.8, validation: float = 0.1) -> Split:
    """The first share `train` of all examples, then a share `validation`, and the rest for testing: nothing is drawn.

    >>> [part.tolist() for part in in_order(torch.zeros(5), train=0.6, validation=0.2)]
    [[0, 1, 2], [3], [4]]
    """
    _check_shares(train, validation)
    count = len(targets)
    learned, chosen = round(train * count), round(validation * count)
    return Split(*torch.arange(count).tensor_split([learned, learned + chosen]))


def given(*, given: Split | None) -> Split:
    """The split that the data bring."""
    if given is None:
        raise ValueError(f"split: these data bring none of their own; take one of {', '.join(sorted(SPLITS))}")
    return given


def scaffold(
    targets: Tensor, *, train: float = 0.8, validation: float = 0.1, groups: Callable[[], Sequence[Hashable]] | None
) -> Split:
    """Groups are kept whole, the largest first: into training while there is room, then validation, then testing.

    So what is tested on is unlike what was learned from. Nothing is drawn; of groups of one size the last is the first,
    as DeepChem has it, whose parts published figures are of.

    Wu et al. 2018, MoleculeNet, section 3.2, where a group is all molecules with one scaffold
    """
    _check_shares(train, validation)
    if groups is None:
        raise ValueError("split: scaffold keeps molecules of one scaffold together, and these examples have none")
    members: dict[Hashable, list[int]] = {}
    for example, group in enumerate(groups()):
        members.setdefault(group, []).append(example)
    parts: tuple[list[int], ...] = ([], [], [])
    room = train * len(targets), validation * len(targets)
    for whole in sorted(members.values(), key=lambda whole: (len(whole), whole[0]), reverse=True):
        if len(parts[0]) + len(whole) <= room[0]:
            parts[0].extend(whole)
        elif len(parts[0]) + len(parts[1]) + len(whole) <= sum(room):
            parts[1].extend(whole)
        else:
            parts[2].extend(whole)
    return Split(*(torch.tensor(sorted(part), dtype=torch.int64) for part in parts))


SPLITS: dict[str, Callable[..., Split]] = {
    "given": given,
    "random": shares,
    "in_order": in_order,
    "per_class": per_class,
    "scaffold": scaffold,
}


def drawn(
    split: SplitPart,
    *,
    targets: Tensor,
    answer: Answer,
    seed: int,
    given: Split | None = None,
    groups: Callable[[], Sequence[Hashable]] | None = None,
) -> Split:
    """The split of that name, of the examples whose targets are known; a given one leaves the unknown out.

    `groups` says, when it is asked, which group each example is of, for the splits that keep groups whole.
    """
    known = answer.known(targets).reshape(len(targets), -1).any(dim=1)
    asked = known.nonzero()[:, 0]
    place = known.cumsum(0) - 1
    own = None if given is None else Split(*(place[part[known[part]]] for part in given))

    def groups_asked() -> list[Hashable]:
        assert groups is not None
        every = groups()
        return [every[k] for k in asked.tolist()]

    together = None if groups is None else groups_asked
    found = Part.of(split).build(SPLITS, "split", targets=targets[asked], seed=seed, given=own, groups=together)
    return Split(*(asked[part] for part in found))


def _check_shares(train: float, validation: float) -> None:
    if not (train > 0 and validation > 0 and train + validation < 1):
        raise ValueError(
            f"split: expected shares above 0 that leave something for testing, got train = {train} and"
            f" validation = {validation}"
        )
