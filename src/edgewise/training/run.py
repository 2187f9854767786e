"""From a recipe to a finished run folder."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import Module

from edgewise.data import DATASETS, NodeTask
from edgewise.extras import require
from edgewise.models import MODELS, Network, NetworkConfig
from edgewise.training import metrics
from edgewise.training.atomic import write_text
from edgewise.training.chance import set_chance
from edgewise.training.curves import draw_curves
from edgewise.training.fabric import make_fabric
from edgewise.training.loop import Outcome, train
from edgewise.training.metrics import Epoch
from edgewise.training.place import Place
from edgewise.training.recipe import Recipe
from edgewise.training.report import write_report
from edgewise.training.run_folder import CURVES, REPORT, open_run_folder


def run(
    recipe: Recipe,
    folder: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    tell: Callable[[Epoch, Place], None] = lambda epoch, place: None,
) -> Outcome:
    """Train what `recipe` says and leave recipe.toml, metrics.csv, best/, last/, curves.png and report.md in `folder`.

    Nothing is written before the data, the model, the device and all together have been found to work.
    """
    task, network = prepare(recipe)
    open_run_folder(Path(folder), recipe, resume=resume, overwrite=overwrite)
    return finish(recipe, task, network, Path(folder), resume=resume, tell=tell)


def finish(
    recipe: Recipe,
    task: NodeTask,
    network: Module,
    folder: Path,
    *,
    resume: bool = False,
    tell: Callable[[Epoch, Place], None] = lambda epoch, place: None,
) -> Outcome:
    """Train what `prepare` made in the folder that `open_run_folder` made ready, and report."""
    outcome = train(network, task, recipe.training, folder, resume=resume, tell=tell)
    draw_curves(metrics.read(folder), outcome.score_name, outcome.best_epoch, folder / CURVES)
    write_text(folder / REPORT, write_report(recipe, task, network, outcome))
    return outcome


def prepare(recipe: Recipe) -> tuple[NodeTask, Module]:
    """The data and the network that a recipe names, tried out on each other once, and the device on its own."""
    for module in ("safetensors", "matplotlib"):  # missing at the end, they would cost the whole run
        require(module, extra="train")
    make_fabric(recipe.training)
    task = recipe.data.build(DATASETS, "data set")
    if not isinstance(task, NodeTask):
        raise TypeError(f"data set {recipe.data.name!r}: expected it to give a NodeTask, got {type(task).__name__}")
    set_chance(recipe.training.seed, 0)
    made = recipe.model.build(MODELS, "model", in_dim=task.num_features, out_dim=task.num_classes)
    network = Network(made) if isinstance(made, NetworkConfig) else made
    if not isinstance(network, Module):
        got = type(made).__name__
        raise TypeError(f"model {recipe.model.name!r}: expected a NetworkConfig or a torch module of it, got {got}")
    with torch.no_grad():
        states = network.eval()(task.graphs, task.features)
    if states.shape != (task.num_nodes, task.num_classes):
        raise ValueError(
            f"model {recipe.model.name!r}: expected outputs [{task.num_nodes} nodes, {task.num_classes} classes] for"
            f" {task.name}, got {list(states.shape)}"
        )
    return task, network
