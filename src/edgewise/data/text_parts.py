"""Which files are learned from, which choose the model, and which judge it; or how one file is parted."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch

from edgewise.data.folders import file_in
from edgewise.data.splits import Split

Held = TypeVar("Held")


class PartFiles(NamedTuple):
    """The files of a text data set: one that is to be split, or one for each part.

    `validation` may be a share of the rows of `train`, drawn by `seed`: 0.1 is every tenth.
    """

    folder: Path
    file: str
    train: str
    validation: str | float
    test: str
    seed: int

    def read(self, read: Callable[[Path], Held], endings: Sequence[str], where: str) -> tuple[list[Held], bool]:
        """What `read` makes of each file, in the order of the parts, and whether there is one for each part."""
        self._check(where)
        if not self.train:
            place = (
                self.folder / self.file if self.file else file_in(self.folder, [f"*{end}" for end in endings], where)
            )
            return [read(place)], False
        names = [self.train, *([self.validation] if isinstance(self.validation, str) else []), self.test]
        return [read(self.folder / str(name)) for name in names], True

    def split(self, counts: Sequence[int]) -> Split:
        """The parts of so many rows in each file, one file after another."""
        numbers = torch.arange(sum(counts)).split(list(counts))
        if len(numbers) == 3:
            return Split(*numbers)
        assert isinstance(self.validation, float)
        order = torch.randperm(counts[0], generator=torch.Generator().manual_seed(self.seed))
        chosen = max(1, round(self.validation * counts[0]))
        return Split(order[chosen:].sort().values, order[:chosen].sort().values, numbers[1])

    def _check(self, where: str) -> None:
        named = {"train": self.train, "test": self.test}
        if self.file and (self.train or self.test):
            raise ValueError(f"{where}: file is split into parts, and train and test are parts; give one or the others")
        if bool(self.train) != bool(self.test):
            missing = next(name for name, file in named.items() if not file)
            raise ValueError(f"{where}: files of parts are train, validation and test, and there is no {missing}")
        if self.train and isinstance(self.validation, float) and not 0 < self.validation < 1:
            raise ValueError(
                f"{where}: validation must be a file, or a share of train above 0 and below 1, got {self.validation}"
            )
        if self.train and self.validation == "":
            raise ValueError(f"{where}: validation is neither a file nor a share of train; 0.1 takes every tenth row")
