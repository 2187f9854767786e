"""The parts of a data set: which examples are learned from, which choose the model, and which judge it."""

from collections.abc import Mapping

import torch
from torch import Tensor

from edgewise.data.answers import Answer, Classes

PARTS = ("train", "validation", "test")


def check_parts(
    parts: Mapping[str, Tensor], targets: Tensor, answer: Answer, where: str, what: str, learns: bool = True
) -> None:
    """Refuse parts that are empty, overlap, name no example, or ask what nobody knows or nobody could have learned.

    `what` is what an example is called: a node, a graph. Where nothing is learned, only the test part is filled, and
    it may ask what nobody knows.
    """
    count = len(targets)
    known = answer.known(targets).reshape(count, -1).any(dim=1)
    for part, index in parts.items():
        if index.dtype != torch.int64:
            raise TypeError(f"{where}: expected {part} in int64, got {index.dtype}")
        if not learns and part != "test" and len(index):
            raise ValueError(f"{where}: it does not learn, so all {what}s go to test; the {part} part has {len(index)}")
        if not len(index) and (learns or part == "test"):
            raise ValueError(f"{where}: the {part} part holds no {what}")
        outside = index[(index < 0) | (index >= count)]
        if len(outside):
            raise IndexError(
                f"{where}: the {part} part names {what} {int(outside[0])}, but {what}s go from 0 to {count - 1}"
            )
        silent = index[~known[index]]
        if len(silent) and learns:
            raise ValueError(
                f"{where}: {what} {int(silent[0])} is in the {part} part, but its target is unknown"
                f" ({len(silent)} such {what}s in all); leave them out of every part"
            )
    together = torch.cat(list(parts.values()))
    twice = (torch.bincount(together, minlength=count) > 1).nonzero()
    if len(twice):
        example = int(twice[0])
        named = [part for part, index in parts.items() if example in index]
        raise ValueError(f"{where}: {what} {example} is named more than once, in {' and '.join(named)}")
    if isinstance(answer, Classes) and learns:
        _check_classes_are_learned(parts, targets, answer, where, what)


def _check_classes_are_learned(
    parts: Mapping[str, Tensor], targets: Tensor, answer: Classes, where: str, what: str
) -> None:
    learned = torch.bincount(targets[parts["train"]], minlength=answer.out_dim)
    for part, index in parts.items():
        asked = torch.bincount(targets[index], minlength=answer.out_dim)
        unlearned = ((asked > 0) & (learned == 0)).nonzero()
        if len(unlearned):
            label = int(unlearned[0])
            raise ValueError(
                f"{where}: class {answer.names[label]!r} has {int(asked[label])} {what}s in the {part} part and none in"
                f" the train part, so it cannot be learned; split per class, take another split_seed, or leave it out"
            )
