"""RUN/tensorboard: the lines of metrics.csv as curves for TensorBoard."""

import shutil
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any

from edgewise.extras import require
from edgewise.training import metrics
from edgewise.training.metrics import Epoch

FOLDER = "tensorboard"


def check_tensorboard() -> None:
    """See that it is there."""
    require("tensorboard", extra="tensorboard")


class Curves:
    """`tell` hears of every epoch. Each sitting writes the folder anew from metrics.csv, so no epoch is in it twice."""

    def __init__(self, run: Path, score_name: str) -> None:
        self._run, self._score_name = run, score_name
        self._writer: Any = None

    def tell(self, epoch: Epoch) -> None:
        """Add an epoch whose line has been written."""
        if self._writer is None:
            self._begin()
        else:
            self._add(epoch)

    def __enter__(self) -> "Curves":
        check_tensorboard()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is None and kind is None:
            self._begin()  # a finished run was taken up: it may have been killed before its curves were whole
        if self._writer is not None:
            self._writer.close()

    def _begin(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its imports meet deprecations that are not ours to mend
            from torch.utils.tensorboard import SummaryWriter
        shutil.rmtree(self._run / FOLDER, ignore_errors=True)
        self._writer = SummaryWriter(str(self._run / FOLDER))
        for epoch in metrics.read(self._run):
            self._add(epoch)

    def _add(self, epoch: Epoch) -> None:
        for field, value in epoch._asdict().items():
            part, _, kind = field.partition("_")
            if kind:
                tag = f"{self._score_name if kind == 'score' else kind}/{part}"
                self._writer.add_scalar(tag, value, epoch.number)
