"""report.md: the run on one page."""

from collections.abc import Sequence
from datetime import date

import torch
from torch.nn import Module

from edgewise.data import Classes, Task, Tokens
from edgewise.data.parts import PARTS
from edgewise.training.confusion import MOST
from edgewise.training.loop import Outcome
from edgewise.training.machine import processor, versions
from edgewise.training.recipe import Recipe
from edgewise.training.start import body, head
from edgewise.training.work import MOST as MOST_COUNTED
from edgewise.training.work import Work

COUNTED = f" Of parts with more than {MOST_COUNTED} batches so many are counted, and the others taken as their mean."
LAYERS = ("![spread of logits, entropy of weights and size of states by epoch](layers.png)", "")


def write_report(
    recipe: Recipe, task: Task, network: Module, outcome: Outcome, shown: Sequence[str], work: Work
) -> str:
    """The text of a finished run's report; `shown` are the lines that show what was said of the test part."""
    name, score, examples = outcome.score_name, outcome.goal.score, f"{task.example}s"
    ended = (
        f"stopped after {outcome.epochs} epochs, {recipe.training.patience} without a better validation"
        if outcome.stopped_early
        else f"all {outcome.epochs} epochs"
    )
    averaged = " averaged" if recipe.training.averaging else ""
    watched = "loss" if outcome.goal.watches_loss else name
    rows = [
        f"| {part} | {len(getattr(task, part))} | {score.written(value)} | {loss:.4f} |"
        for part, (loss, value) in outcome.figures.items()
    ]
    parameters = sum(weight.numel() for weight in network.parameters())
    options = ", ".join(f"{key} = {value}" for key, value in recipe.model.options.items())
    milliseconds = 1000 * outcome.seconds / outcome.epochs
    facts = {
        "time": f"{outcome.seconds:.1f} s of training and validation, {milliseconds:.1f} ms an epoch",
        "memory": _memory(outcome, recipe.training.devices),
        "energy": _energy(outcome),
        "device": f"{outcome.device}, precision {recipe.training.precision}",
        "processor": processor(),
        "seed": f"{recipe.training.seed} (first weights, dropout)",
        "date": f"{date.today().isoformat()}, when this page was written",
        "versions": ", ".join(f"{package} {number}" for package, number in versions().items()),
    }
    return "\n".join(
        [
            f"# {recipe.name}: test {name} {score.written(outcome.figures['test'][1])}",
            "",
            f"By the{averaged} weights of epoch {outcome.best_epoch}, chosen by validation {watched}; {ended}.",
            f"The test {examples} were looked at once, at the end.",
            "",
            f"| part | {examples} | {name} | loss |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            "![loss and score by epoch](curves.png)",
            "",
            *(LAYERS if recipe.training.layer_figures else ()),
            f"## Test {examples}",
            "",
            *shown,
            "",
            f"## Data card: {task.name}",
            "",
            *[f"- {note}" for note in task.notes],
            f"- {task.described()}.",
            *_targets(task),
            "",
            f"## Model card: {recipe.model.name}",
            "",
            f"- {parameters:,} parameters.",
            f"- {_flops(work.forward)} for one pass forward over the test {examples} and what they hear;"
            f" {_flops(work.epoch)} for an epoch: its steps, forward and backward, and the look at the validation"
            f" {examples}. Counted are matrix products and, edge by edge, attention and aggregation; a product and its"
            f" sum are two.{COUNTED if work.sampled else ''}",
            f"- {options}." if options else "- All options as the model has them.",
            *_start(recipe, network),
            "",
            "## Run",
            "",
            *[f"- {label}: {fact}" for label, fact in facts.items()],
            "",
            "`recipe.toml` holds every option, `metrics.csv` every epoch, `data.json` how columns became features,"
            " `best/` the weights that these figures are of, `last/` what is needed to train on.",
            "",
        ]
    )


def _targets(task: Task) -> list[str]:
    """How many of each class, or how much is known of each label or number, part by part."""
    if len(task.class_names) > MOST or isinstance(task.answer, Tokens):
        return [f"- {len(task.class_names)} names are asked for; `data.json` lists them."]
    parts = {part: task.asked(part) for part in PARTS}
    if isinstance(task.answer, Classes):
        head = "class"
        counts = [torch.bincount(targets, minlength=task.num_classes).tolist() for targets in parts.values()]
    else:
        head = "known"
        counts = [task.answer.known(targets).sum(dim=0).tolist() for targets in parts.values()]
    names = [name.replace("|", "\\|") for name in task.class_names]
    rows = [
        f"| {' | '.join([name, *map(str, row)])} |" for name, row in zip(names, zip(*counts, strict=True), strict=True)
    ]
    return ["", f"| {head} | {' | '.join(parts)} |", f"| --- |{' --- |' * len(parts)}", *rows]


def _start(recipe: Recipe, network: Module) -> list[str]:
    """Which weights another run has given."""
    if not recipe.training.start:
        return []
    taken, drawn = body(network), head(network)
    left = f"drawn anew: {', '.join(drawn)}" if drawn else "none was drawn anew"
    return [
        f"- First weights: the best of {recipe.training.start}, {len(taken)} tensors of"
        f" {sum(weight.numel() for weight in taken.values()):,} numbers; {left}."
    ]


def _flops(operations: int) -> str:
    """Such as 1.23 GFLOP."""
    size = float(operations)
    for unit in ("", "k", "M", "G", "T"):
        if size < 1000:
            return f"{size:.3g} {unit}FLOP"
        size /= 1000
    return f"{size:.3g} PFLOP"


def _memory(outcome: Outcome, devices: int) -> str:
    where, on = ("the process", "the device") if devices == 1 else (f"{devices} processes", "their devices")
    told = f"{outcome.memory / 2**20:.0f} MB in {where} at most" if outcome.memory else "not told by this system"
    device = f", {outcome.device_memory / 2**20:.0f} MB on {on}" if outcome.device_memory else ""
    return told + device


def _energy(outcome: Outcome) -> str:
    if outcome.energy is None:
        return "not readable here"
    return f"{outcome.energy:.0f} J, of all that the processors did in that time"
