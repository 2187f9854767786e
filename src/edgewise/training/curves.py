"""curves.png: loss and score by epoch."""

from collections.abc import Sequence
from pathlib import Path

from edgewise.extras import require
from edgewise.training.atomic import new_file
from edgewise.training.metrics import Epoch


def draw_curves(epochs: Sequence[Epoch], score_name: str, best_epoch: int, file: Path) -> None:
    """Two pictures side by side; the best epoch is marked. Replaces `file` whole."""
    require("matplotlib", extra="train")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    FigureCanvasAgg(figure)
    numbers = [epoch.number for epoch in epochs]
    for axes, name, fields in zip(
        figure.subplots(1, 2),
        ("loss", score_name),
        (("train_loss", "validation_loss"), ("train_score", "validation_score")),
        strict=True,
    ):
        for field in fields:
            axes.plot(numbers, [getattr(epoch, field) for epoch in epochs], label=field.partition("_")[0], linewidth=1)
        axes.axvline(best_epoch, color="grey", linestyle=":", linewidth=1, label=f"best, epoch {best_epoch}")
        axes.set(xlabel="epoch", ylabel=name)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    with new_file(file) as new:
        figure.savefig(new, dpi=120)
