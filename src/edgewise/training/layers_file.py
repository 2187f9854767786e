"""layers.csv and layers.png: the figures of every layer, epoch by epoch."""

import csv
from collections.abc import Sequence
from pathlib import Path

from torch.nn import Module

from edgewise.data import Task
from edgewise.extras import require
from edgewise.models import Network
from edgewise.training.atomic import named_file, new_file, write_text
from edgewise.training.layer_figures import LayerFigures, check_layer_figures, layer_figures

FILE, PICTURE = "layers.csv", "layers.png"
SHOWN = {
    "logit_spread": "spread of the logits",
    "entropy": "entropy of the weights, as a share of the most",
    "norm": "size of the states",
}


class LayersFile:
    """The file of a run: a line for each layer, before the first epoch and after each, on the first validation batch.

    What an earlier sitting wrote after `keep` epochs is dropped.
    """

    def __init__(self, run: Path, network: Module, task: Task, size: int, keep: int) -> None:
        check_layer_figures(network)
        assert isinstance(network, Network)
        self._path, self._network = run / FILE, network
        self._batch = next(iter(task.batches("validation", size)))
        kept = [line for line in read_layers(run) if line.epoch <= keep] if keep else []
        write_text(self._path, "".join(",".join(map(str, row)) + "\n" for row in [LayerFigures._fields, *kept]))
        if not keep:
            self.add(0)

    def add(self, epoch: int) -> None:
        """The lines of an epoch."""
        lines = layer_figures(self._network, self._batch, epoch)
        with named_file(self._path), self._path.open("a", encoding="utf-8", newline="") as file:
            file.write("".join(",".join(map(str, line)) + "\n" for line in lines))


def read_layers(run: Path) -> list[LayerFigures]:
    """The whole lines of a run's file."""
    if not (run / FILE).exists():
        return []
    text = (run / FILE).read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1].splitlines()
    return [LayerFigures(int(epoch), int(layer), graph, *map(float, rest))
            for epoch, layer, graph, *rest in csv.reader(whole[1:])]  # fmt: skip


def draw_layers(lines: Sequence[LayerFigures], file: Path) -> None:
    """A picture a figure, a line a layer, the first ones dark; replaces `file` whole."""
    require("matplotlib", extra="train")
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4), layout="constrained")
    FigureCanvasAgg(figure)
    hearings = list(dict.fromkeys((line.layer, line.graph) for line in lines))
    several = len({graph for _, graph in hearings}) > 1
    for axes, (field, told) in zip(figure.subplots(1, len(SHOWN)), SHOWN.items(), strict=True):
        for n, (layer, graph) in enumerate(hearings):
            own = [line for line in lines if (line.layer, line.graph) == (layer, graph)]
            name = f"layer {layer + 1}" + (f", {graph}" if several else "")
            colour = colormaps["viridis"](0.9 * n / max(len(hearings) - 1, 1))
            axes.plot([line.epoch for line in own], [getattr(line, field) for line in own], label=name, color=colour)
        axes.set(xlabel="epoch", title=told)
        axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize="small")
    with new_file(file) as new:
        figure.savefig(new, dpi=120)
