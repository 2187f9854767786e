"""How the test part is shown, by what was asked."""

from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from edgewise.data import Answer, Classes, Labels, Linked, Numbers
from edgewise.training import confusion, ranking, residuals

Showing = Callable[[Answer, Tensor, Tensor, Path], list[str]]

SHOWN: dict[type[Answer], Showing] = {
    Classes: confusion.write_confusion,
    Labels: confusion.write_confusion,
    Linked: ranking.draw_ranking,
    Numbers: residuals.draw_residuals,
}
