"""metrics.csv: one line an epoch."""

import csv
import os
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from edgewise.training.atomic import named_file, write_text

FILE = "metrics.csv"


class Epoch(NamedTuple):
    """One line: losses and scores of an epoch; the training figures are those that the step was taken on."""

    number: int
    seconds: float  # since the run began, all sittings together
    train_loss: float
    train_score: float
    validation_loss: float
    validation_score: float


class MetricsFile:
    """The file of a run, open for more lines. What an earlier sitting wrote after `keep` epochs is dropped."""

    def __init__(self, run: Path, score_name: str, keep: int = 0) -> None:
        self._path = run / FILE
        columns = [name.replace("score", score_name) for name in ("epoch", *Epoch._fields[1:])]
        kept = [epoch for epoch in read(run) if epoch.number <= keep] if keep else []
        write_text(self._path, "".join(",".join(map(str, row)) + "\n" for row in [columns, *kept]))
        self._file = self._path.open("a", encoding="utf-8", newline="")

    def add(self, epoch: Epoch) -> None:
        with named_file(self._path):
            self._file.write(",".join(map(str, epoch)) + "\n")
            self._file.flush()

    def sync(self) -> None:
        """Wait until the lines so far are on disk: a checkpoint must not know of epochs that they lack."""
        with named_file(self._path):
            os.fsync(self._file.fileno())

    def __enter__(self) -> "MetricsFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with named_file(self._path):
            self._file.close()


def read(run: Path) -> list[Epoch]:
    """The whole lines of a run's file; one that was cut off while it was written is left out."""
    if not (run / FILE).exists():
        return []
    text = (run / FILE).read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1].splitlines()
    return [Epoch(int(number), *map(float, rest)) for number, *rest in csv.reader(whole[1:])]
