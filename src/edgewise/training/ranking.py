"""ranking.png: how linked pairs stand among those that are not, in the test part."""

from pathlib import Path

import torch
from torch import Tensor

from edgewise.data import Answer, Task
from edgewise.extras import require
from edgewise.training.atomic import new_file
from edgewise.training.scores import SCORES

FILE = "ranking.png"
SHOWN_SCORES = ("roc_auc", "average_precision", *(name for name in SCORES if name.startswith("hits@")))


def precision_at(said: Tensor, targets: Tensor) -> Tensor:
    """P_k = (1/k) Σ_(n ≤ k) t_n for k = 1, 2, ..., t_n the target of the n-th likeliest; of equals the unlinked first.

    >>> precision_at(torch.tensor([0.1, 0.9, 0.5]), torch.tensor([1.0, 1.0, 0.0]))
    tensor([1.0000, 0.5000, 0.6667])
    """
    order = targets.argsort(stable=True)
    order = order[said[order].argsort(descending=True, stable=True)]
    return targets[order].cumsum(0) / torch.arange(1, len(targets) + 1, device=targets.device)


def draw_ranking(task: Task, outputs: Tensor, folder: Path) -> list[str]:
    """Draw what was said of linked and of other pairs, and precision at k; gives the lines of the report.

    The lines hold every score of a ranking that these pairs are enough for.
    """
    answer, targets = task.answer, task.asked("test")
    require("matplotlib", extra="train")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    said, right = outputs[:, 0], targets[:, 0]
    figure = Figure(figsize=(10, 4), layout="constrained")
    FigureCanvasAgg(figure)
    left, below = figure.subplots(1, 2)
    edges = torch.linspace(float(said.min()), float(said.max()) + 1e-6, 61).tolist()
    for name, kind in (("linked", 1), ("not linked", 0)):
        left.hist(said[right == kind].tolist(), bins=edges, alpha=0.6, label=name)
    left.set(xlabel="y of the pair, unnormalised", ylabel="pairs")
    left.legend(frameon=False)
    below.plot(range(1, len(right) + 1), precision_at(said, right).tolist(), linewidth=1)
    below.axhline(float(right.mean()), color="grey", linestyle=":", linewidth=1)
    below.set(xlabel="k", ylabel="precision of the k likeliest", xscale="log", ylim=(0, 1.02))
    for axes in (left, below):
        axes.spines[["top", "right"]].set_visible(False)
    with new_file(folder / FILE) as new:
        figure.savefig(new, dpi=120)
    rows = [f"| {name} | {value} |" for name, value in _taken(answer, outputs, targets).items()]
    return ["| score | test |", "| --- | --- |", *rows, "", f"![linked pairs among the others]({FILE})"]


def _taken(answer: Answer, outputs: Tensor, targets: Tensor) -> dict[str, str]:
    fitting = {name: SCORES[name] for name in SHOWN_SCORES}
    return {
        name: score.written(score.taken(answer, outputs, targets))
        for name, score in fitting.items()
        if int((targets == 0).sum()) >= score.least_negatives
    }
