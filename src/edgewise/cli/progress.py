"""How far training or predicting is: a bar on a terminal, a line now and then elsewhere."""

from time import monotonic
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from edgewise.training import Epoch, Goal, Place

SECONDS_BETWEEN_LINES = 2.0


class Progress:
    """`tell` hears of every epoch; the time left is for all `epochs`, and training may stop before."""

    def __init__(self, epochs: int, goal: Goal, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._epochs, self._goal = epochs, goal
        self._said = monotonic()
        self._bar = _bar(self._console, "epoch", "at most", TextColumn("{task.description}"))
        self._task = self._bar.add_task("starting", total=epochs)

    def tell(self, epoch: Epoch, place: Place) -> None:
        """Show this epoch."""
        score = self._goal.score.written(epoch.validation_score)
        now = f"validation {self._goal.score_name} {score}, best in epoch {place.best_epoch}"
        if self._console.is_terminal:
            self._bar.update(self._task, completed=epoch.number, description=now)
        elif monotonic() - self._said >= SECONDS_BETWEEN_LINES:
            self._said = monotonic()
            left = (self._epochs - epoch.number) * epoch.seconds / epoch.number
            self._console.print(
                f"epoch {epoch.number}/{self._epochs}  {now}  {epoch.seconds:.0f} s, at most {left:.0f} s more",
                highlight=False,
                soft_wrap=True,
            )

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()


class Batches:
    """`tell` hears how many batches, or `what` else, are done, and of how many; what takes no time shows nothing."""

    def __init__(self, what: str = "batch", console: Console | None = None) -> None:
        self._what = what
        self._console = console or Console(stderr=True)
        self._began = self._said = monotonic()
        self._bar = _bar(self._console, what, "left")
        self._task = self._bar.add_task(what, total=None)

    def tell(self, done: int, batches: int) -> None:
        """Show how far it is."""
        if self._console.is_terminal:
            self._bar.update(self._task, completed=done, total=batches)
        elif done < batches and monotonic() - self._said >= SECONDS_BETWEEN_LINES:
            self._said = monotonic()
            left = (batches - done) * (self._said - self._began) / done
            self._console.print(f"{self._what} {done}/{batches}  {left:.0f} s more", highlight=False, soft_wrap=True)

    def __enter__(self) -> "Batches":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()


def _bar(console: Console, what: str, left: str, *more: ProgressColumn) -> Bar:
    """How many of what are done, since when, and the time left; shown on a terminal, and gone when it stops."""
    return Bar(
        TextColumn(what),
        MofNCompleteColumn(),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn(left),
        TimeRemainingColumn(compact=True),
        *more,
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
