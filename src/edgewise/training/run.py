"""From a recipe to a finished run folder."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn import Module

from edgewise.data import DATASETS, Task
from edgewise.extras import require
from edgewise.models import MODELS, Network, NetworkConfig
from edgewise.models.logits import factored
from edgewise.part import Part
from edgewise.ranks import rank
from edgewise.training import layers_file, metrics
from edgewise.training.atomic import write_text
from edgewise.training.chance import set_chance
from edgewise.training.curves import draw_curves
from edgewise.training.fabric import make_fabric
from edgewise.training.goal import Goal
from edgewise.training.launch import launched
from edgewise.training.layer_figures import check_layer_figures
from edgewise.training.layers_file import draw_layers, read_layers
from edgewise.training.loop import Outcome, train
from edgewise.training.metrics import Epoch
from edgewise.training.place import Place
from edgewise.training.position_cache import keep_positions
from edgewise.training.recipe import Recipe
from edgewise.training.report import write_report
from edgewise.training.run_folder import CURVES, DATA, REPORT, open_run_folder
from edgewise.training.samplings import sampled
from edgewise.training.shares import shared
from edgewise.training.showing import SHOWN
from edgewise.training.start import start_from
from edgewise.training.step import num_steps
from edgewise.training.tensorboard import Curves, check_tensorboard
from edgewise.training.work import work


def run(
    recipe: Recipe,
    folder: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    tell: Callable[[Epoch, Place], None] = lambda epoch, place: None,
) -> Outcome:
    """Train what `recipe` says and leave its folder complete: recipe, metrics, checkpoints, pictures, report.

    Nothing is written before the data, the model, the device and all together have been found to work.
    """
    recipe = recipe.as_started()
    task, network = prepare(recipe, resume=resume)
    if rank() == 0:
        open_run_folder(Path(folder), recipe, resume=resume, overwrite=overwrite)
    return finish(recipe, task, network, Path(folder), resume=resume, tell=tell)


def finish(
    recipe: Recipe,
    task: Task,
    network: Module,
    folder: Path,
    *,
    resume: bool = False,
    tell: Callable[[Epoch, Place], None] = lambda epoch, place: None,
) -> Outcome:
    """Train what `prepare` made in the folder that `open_run_folder` made ready, and report.

    The other processes of several are started here. Where torchrun has done so, all come here, and the first reports.
    """
    if rank():
        return train(network, task, recipe.training, folder, resume=resume)
    kept = {"task": task.name, **task.learned().as_table()}
    write_text(folder / DATA, json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    if recipe.training.tensorboard:
        with (
            Curves(folder, Goal.of(recipe.training, task).score_name) as curves,
            launched(recipe, folder, resume=resume),
        ):

            def tell_both(epoch: Epoch, place: Place) -> None:
                curves.tell(epoch)
                tell(epoch, place)

            outcome = train(network, task, recipe.training, folder, resume=resume, tell=tell_both)
    else:
        with launched(recipe, folder, resume=resume):
            outcome = train(network, task, recipe.training, folder, resume=resume, tell=tell)
    draw_curves(metrics.read(folder), outcome.score_name, outcome.best_epoch, folder / CURVES)
    if recipe.training.layer_figures:
        draw_layers(read_layers(folder), folder / layers_file.PICTURE)
    shown = SHOWN[type(task.answer)](task, outcome.test_outputs, folder)
    done = work(network, task, recipe.training)
    write_text(folder / REPORT, write_report(recipe, task, network, outcome, shown, done))
    return outcome


def prepare(recipe: Recipe, *, resume: bool = False) -> tuple[Task, Module]:
    """The data and the network that a recipe names, tried out on each other once, and the device on its own.

    Its first weights are there, those of another run where the recipe starts from one; not to `resume`, which has its
    own.
    """
    for module in ("safetensors", "matplotlib"):  # missing at the end, they would cost the whole run
        require(module, extra="train")
    if recipe.training.tensorboard:
        check_tensorboard()
    make_fabric(recipe.training, devices=recipe.training.devices)
    task = task_of(recipe)
    shared(task, recipe.training)
    num_steps(task, recipe.training)
    Goal.of(recipe.training, task)
    set_chance(recipe.training.seed, 0)
    network = network_for(recipe, task)
    if recipe.training.start and not resume:
        start_from(network, Path(recipe.training.start))
    if recipe.training.layer_figures:
        check_layer_figures(network)
    with factored(network):  # what shape it has is enough
        _try_out(recipe, task, network)
    return task, network


def task_of(recipe: Recipe) -> Task:
    """The data that a recipe names."""
    task = recipe.data.build(DATASETS, "data set")
    if not isinstance(task, Task):
        raise TypeError(
            f"data set {recipe.data.name!r}: expected it to give a NodeTask, a LinkTask, a GraphTask or a MaskedTask,"
            f" got {type(task).__name__}"
        )
    task = sampled(task, recipe.training)
    keep_positions(task, recipe.training)
    return task


LEARNED = ("tokeniser",)
"""What was learned of the data, and is told to a page that names it."""


def network_for(recipe: Recipe, task: Task) -> Module:
    """The network that a recipe names, of the widths that a task wants."""
    _check_fits(recipe.model, task)
    named = inspect.signature(recipe.model.found(MODELS, "model")).parameters
    learned = {name: task.encoders[name] for name in LEARNED if name in named and name in task.encoders}
    made = recipe.model.build(MODELS, "model", **task.offered, **learned)
    network = Network(made) if isinstance(made, NetworkConfig) else made
    if not isinstance(network, Module):
        got = type(made).__name__
        raise TypeError(f"model {recipe.model.name!r}: expected a NetworkConfig or a torch module of it, got {got}")
    return network


def _check_fits(model: Part, task: Task) -> None:
    """Refuse a page of tokens for data that bring features, and one of features for texts."""
    reads = {name: inspect.signature(page).parameters for name, page in MODELS.items()}
    own = inspect.signature(model.found(MODELS, "model")).parameters
    brought = "tokens" if "tokens" in task.offered else "in_dim"
    other = "in_dim" if brought == "tokens" else "tokens"
    if other in own and own[other].default is inspect.Parameter.empty and brought not in own:
        words = {"tokens": "tokens", "in_dim": "features"}
        raise ValueError(
            f"model {model.name!r}: it reads {words[other]}, and {task.name} brings {words[brought]}; models of"
            f" {words[brought]}: {', '.join(sorted(name for name, names in reads.items() if brought in names))}"
        )


@torch.no_grad()
def _try_out(recipe: Recipe, task: Task, network: Module) -> None:
    """See that the network answers a batch with a row for each that is asked."""
    model = f"model {recipe.model.name!r}"
    if recipe.training.sampling:
        next(task.batches("train", recipe.training.batch_size, shuffled=True)).outputs(network.eval())
    batch = next(task.batches("validation", recipe.training.batch_size))
    if isinstance(network, Network) and batch.edges is not None and not network.edge_features_of:
        raise ValueError(
            f"{model}: it reads no edge features, and {task.name} has {task.num_edge_features} an edge; take a model"
            " with an edge_dim, or data without them"
        )
    if isinstance(network, Network) and isinstance(batch.graphs, Mapping):
        unheard = [name for name in batch.graphs if name not in network.graph_names]
        if unheard:
            raise ValueError(
                f"{model}: it has no use for the graph {unheard[0]!r} of {task.name}, it knows"
                f' {", ".join(network.graph_names)}; where links are asked for, head = "links" answers'
            )
    _check_room(task, network, model)
    rows, of = task.rows(batch)
    states = replace(batch, asked=None).outputs(network.eval())
    if states.shape != (rows, task.answer.out_dim):
        raise ValueError(
            f"{model}: expected outputs [{rows} {of}, {task.answer.described()}] for {task.name}, got"
            f" {list(states.shape)}"
        )


def _check_room(task: Task, network: Module, model: str) -> None:
    """Refuse texts that are longer than what a network has positions for."""
    longest = task.longest()
    if longest is None:
        return
    try:
        replace(longest, asked=None).outputs(network.eval())
    except ValueError as error:
        raise ValueError(
            f"{model}: the longest text of {task.name} has {longest.num_nodes} tokens: {error}; max_tokens in"
            " [data] keeps the first of a longer text, length those of a row"
        ) from error
