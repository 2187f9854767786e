"""Columns as what is asked for: classes, labels or numbers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from edgewise.data.answers import UNKNOWN, Answer, Classes, Labels, Numbers
from edgewise.data.encoders import by_number
from edgewise.data.link_task import LINKS
from edgewise.data.table import Table
from edgewise.names import lookup, nearest
from edgewise.part import Part

Targets = tuple[Tensor, Answer]
TaskPart = str | Part | Mapping[str, Any]  # a name in TARGETS, or "links" or "masked" with options: {name = ...}


def classes(table: Table, columns: Sequence[str]) -> Targets:
    """The values of one column are the classes, sorted; an empty cell is unknown."""
    if len(columns) != 1:
        raise ValueError(f"{table.file}: a classification has one target column, got {', '.join(columns) or 'none'}")
    texts = table.texts(columns[0])
    names = sorted({text for text in texts if text is not None}, key=by_number)
    place = {name: k for k, name in enumerate(names)}
    targets = [UNKNOWN if text is None else place[text] for text in texts]
    return torch.tensor(targets, dtype=torch.int64), Classes(tuple(names))


def labels(table: Table, columns: Sequence[str]) -> Targets:
    """A column a label, of 0 and 1, or true and false; an empty cell is unknown."""
    return _side_by_side(table, columns), Labels(tuple(columns))


def numbers(table: Table, columns: Sequence[str]) -> Targets:
    """A column a number; an empty cell is unknown."""
    return _side_by_side(table, columns), Numbers(tuple(columns))


TARGETS: dict[str, Callable[[Table, Sequence[str]], Targets]] = {
    "classification": classes,
    "multi_label": labels,
    "regression": numbers,
}


def column_targets(
    task: TaskPart, others: Mapping[str, Any] = LINKS
) -> Callable[[Table, Sequence[str]], Targets] | None:
    """How a door's task makes targets of columns; None for its others, such as links, which are in no column."""
    part = Part.of(task)
    if part.name in others:
        return None
    found = lookup(part.name, {**TARGETS, **dict.fromkeys(others)}, "task")
    if part.options:
        raise ValueError(f"task {part.name!r}: unknown option {next(iter(part.options))!r}. {nearest('', ())}")
    return found


def standardised(answer: Answer, targets: Tensor, train: Tensor) -> Answer:
    """Numbers in deviations of the training part; any other answer as it is."""
    return Numbers.standardised(answer.names, targets[train]) if isinstance(answer, Numbers) else answer


def _side_by_side(table: Table, columns: Sequence[str]) -> Tensor:
    if not columns:
        raise ValueError(f"{table.file}: expected a target column at least, got none")
    return torch.stack([torch.from_numpy(table.numbers(column)).float() for column in columns], dim=1)
