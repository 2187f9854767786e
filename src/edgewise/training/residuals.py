"""residuals.png: what was said against what is, in the test part."""

from pathlib import Path

from torch import Tensor

from edgewise.data import Task
from edgewise.extras import require
from edgewise.training.atomic import new_file

FILE = "residuals.png"


def draw_residuals(task: Task, outputs: Tensor, folder: Path) -> list[str]:
    """Draw, for each number, said against is, and said - is against is; gives the lines of the report that show it."""
    answer, targets = task.answer, task.asked("test")
    require("matplotlib", extra="train")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    said, known = answer.said(outputs), answer.known(targets)
    figure = Figure(figsize=(10, 4 * answer.out_dim), layout="constrained")
    FigureCanvasAgg(figure)
    for k, (left, right) in enumerate(figure.subplots(answer.out_dim, 2, squeeze=False)):
        here = known[:, k]
        true, guess = targets[here, k].tolist(), said[here, k].tolist()
        left.scatter(true, guess, s=6, linewidths=0, alpha=0.6)
        if true:
            left.axline((true[0], true[0]), slope=1, color="grey", linestyle=":", linewidth=1)
        right.scatter(true, [b - a for a, b in zip(true, guess, strict=True)], s=6, linewidths=0, alpha=0.6)
        right.axhline(0, color="grey", linestyle=":", linewidth=1)
        left.set(xlabel=answer.names[k], ylabel="said")
        right.set(xlabel=answer.names[k], ylabel="said - is")
        for axes in (left, right):
            axes.spines[["top", "right"]].set_visible(False)
    with new_file(folder / FILE) as new:
        figure.savefig(new, dpi=120)
    return [f"![said against is]({FILE})"]
