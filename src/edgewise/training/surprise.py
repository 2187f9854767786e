"""surprise.png: how surprising the tokens of the test part were, and what that is per token, character and word."""

from pathlib import Path

from torch import Tensor

from edgewise.data import Task
from edgewise.extras import require
from edgewise.training.atomic import new_file
from edgewise.training.figures import FIGURES

FILE = "surprise.png"


def draw_surprise(task: Task, outputs: Tensor, folder: Path) -> list[str]:
    """Draw how many tokens were how surprising; gives the lines of the report, each figure with its unit.

    Figures of several tokenisers can be held against each other per character, byte or word, never per token.
    """
    require("matplotlib", extra="train")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    picture = Figure(figsize=(8, 3.5), layout="constrained")
    FigureCanvasAgg(picture)
    axes = picture.subplots()
    nats = outputs[:, 0]
    axes.hist(nats.numpy(), bins=80)
    axes.axvline(float(nats.mean()), color="grey", linestyle=":", linewidth=1)
    axes.set(xlabel="-log p of the token, nats (dotted: the mean)", ylabel="tokens", yscale="log")
    axes.spines[["top", "right"]].set_visible(False)
    with new_file(folder / FILE) as new:
        picture.savefig(new, dpi=120)
    counts = {"tokens": len(outputs), **task.units.get("test", {})}
    told = ", ".join(f"{count:,} {unit}" for unit, count in counts.items())
    found = {figure: figure.of(task, "test", outputs) for figure in FIGURES.values()}
    rows = [f"| {figure.told} | {figure.written(value)} |" for figure, value in found.items() if value is not None]
    return [f"Asked: {told}.", "", "| figure | value |", "| --- | --- |", *rows, "", f"![surprise]({FILE})"]
