"""What training has learned of its data, besides weights, so that other files can be read as it read its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from edgewise.data.answers import UNKNOWN, Answer, Classes, Labels, Linked, Numbers, Tokens
from edgewise.data.splits import Split
from edgewise.data.table import Table
from edgewise.names import lookup, nearest

ANSWERS: dict[str, type[Answer]] = {kind.__name__.lower(): kind for kind in (Classes, Labels, Linked, Numbers, Tokens)}


@dataclass(frozen=True)
class Learned:
    """Offered to a data set's function, `learned` makes of other files what it made of those that were learned from.

    Columns are encoded as they were, the answer has the same names and the same units, and all examples are in the test
    part of a task that does not learn. A function that names `learned` among its options can do that.
    """

    answer: Answer
    encoders: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # as the task has them
    targets: bool = True  # whether the other files are to hold targets as well; otherwise none is known

    @classmethod
    def of(cls, table: Mapping[str, Any], targets: bool = True) -> "Learned":
        """What `as_table` gave.

        >>> Learned.of(Learned(Numbers(("price",), mean=(1.5,), scale=(2.0,))).as_table()).answer.out_dim
        1
        """
        options = dict(table["answer"])
        kind = lookup(options.pop("kind"), ANSWERS, "kind of answer")
        answer = kind(**{name: tuple(values) for name, values in options.items()})
        return cls(answer, table["encoders"], targets)

    def as_table(self) -> dict[str, Any]:
        """All there is to it, in words and numbers that JSON has."""
        return {"answer": self.answer.as_table(), "encoders": self.encoders}

    def without_targets(self) -> "Learned":
        """The same, for files of which nobody knows the targets."""
        return replace(self, targets=False)

    def split(self, examples: int) -> Split:
        """All examples in the test part."""
        nobody = torch.zeros(0, dtype=torch.int64)
        return Split(nobody, nobody, torch.arange(examples))

    def asked(
        self, table: Table, columns: Sequence[str], targets_of: Callable[[Table, Sequence[str]], tuple[Tensor, Answer]]
    ) -> tuple[Tensor, Answer]:
        """The targets that `targets_of` makes of columns of a table, under the names that were learned."""
        if not self.targets:
            return self.answer.unknown(len(table)), self.answer
        targets, found = targets_of(table, columns)
        return self.renamed(targets, found, f"{table.file}: column {columns[0]!r}")

    def renamed(self, targets: Tensor, found: Answer, where: str) -> tuple[Tensor, Answer]:
        """Targets that count the classes of `found`, by the number that each has in what was learned."""
        if not self.targets:
            return self.answer.unknown(len(targets)), self.answer
        if not isinstance(found, Classes):
            return targets, self.answer
        place = {name: k for k, name in enumerate(self.answer.names)}
        strangers = [k for k, name in enumerate(found.names) if name not in place]
        if strangers:
            row = int((targets == strangers[0]).nonzero()[0])
            raise ValueError(
                f"{where} has class {found.names[strangers[0]]!r} at row {row}, which training has never seen."
                f" {nearest(found.names[strangers[0]], self.answer.names)} Leave the cell empty to leave the row out"
            )
        numbers = torch.tensor([*(place[name] for name in found.names), UNKNOWN])  # -1 counts from the end
        return numbers[targets], self.answer
