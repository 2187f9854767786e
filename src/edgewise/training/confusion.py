"""confusion.csv: which classes, or labels, were taken for which, in the test part."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from edgewise.data import Answer, Classes, Task
from edgewise.training.atomic import write_text

FILE = "confusion.csv"
MOST = 12  # classes that the report has room for

Rows = list[list[str]]


def confusion(answer: Answer, outputs: Tensor, targets: Tensor) -> Rows:
    """C_cd = how many of class c were said to be of class d; the first row and column name them.

    Of labels a row each: how many were right and wrong, where present and where absent, of those that are known.

    >>> from edgewise.data import Classes
    >>> confusion(Classes(("a", "b")), torch.tensor([[2.0, 1.0], [3.0, 0.0]]), torch.tensor([0, 1]))
    [['is / said', 'a', 'b'], ['a', '1', '0'], ['b', '1', '0']]
    """
    if isinstance(answer, Classes):
        count = answer.out_dim
        pairs = torch.bincount(count * targets + outputs.argmax(dim=1), minlength=count * count)
        table = pairs.reshape(count, count).tolist()
        return [["is / said", *answer.names], *_named(answer.names, table)]
    said, known = answer.said(outputs) > 0.5, answer.known(targets)
    present = targets == 1
    counts = [
        (known & present & said),
        (known & present & ~said),
        (known & ~present & said),
        (known & ~present & ~said),
    ]
    table = torch.stack([each.sum(dim=0) for each in counts], dim=1).tolist()
    heads = ["present, said so", "present, not said", "absent, but said", "absent, not said"]
    return [["label", *heads], *_named(answer.names, table)]


def write_confusion(task: Task, outputs: Tensor, folder: Path) -> list[str]:
    """Write confusion.csv; gives the lines of the report that show it."""
    answer, targets = task.answer, task.asked("test")
    rows = confusion(answer, outputs, targets)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_text(folder / FILE, text.getvalue())
    head = "A row for what is, a column for what was said" if isinstance(answer, Classes) else "A row a label"
    if len(rows[0]) > MOST + 1:
        return [f"{head}: `{FILE}`."]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows[: MOST + 1]]
    rest = [] if len(rows) <= MOST + 1 else ["", f"The first {MOST} rows of {len(rows) - 1}."]
    return [f"{head} (`{FILE}`):", "", lines[0], "|" + " --- |" * len(rows[0]), *lines[1:], *rest]


def _named(names: Sequence[str], table: Sequence[Sequence[int]]) -> Rows:
    return [[name, *map(str, counts)] for name, counts in zip(names, table, strict=True)]
