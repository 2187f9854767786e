"""How the test part is shown, by what was asked."""

from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from edgewise.data import Answer, Classes, Labels, Linked, Numbers, Task, Tokens
from edgewise.training import confusion, ranking, residuals, surprise

Showing = Callable[[Task, Tensor, Path], list[str]]

SHOWN: dict[type[Answer], Showing] = {
    Classes: confusion.write_confusion,
    Tokens: surprise.draw_surprise,
    Labels: confusion.write_confusion,
    Linked: ranking.draw_ranking,
    Numbers: residuals.draw_residuals,
}
