"""report.md: the run on one page."""

from collections.abc import Sequence

from torch.nn import Module

from edgewise.data import Task
from edgewise.training.loop import Outcome
from edgewise.training.machine import peak_memory, processor, versions
from edgewise.training.recipe import Recipe


def write_report(recipe: Recipe, task: Task, network: Module, outcome: Outcome, shown: Sequence[str]) -> str:
    """The text of a finished run's report; `shown` are the lines that show what was said of the test part."""
    name, score, examples = outcome.score_name, outcome.goal.score, f"{task.example}s"
    ended = (
        f"stopped after {outcome.epochs} epochs, {recipe.training.patience} without a better validation"
        if outcome.stopped_early
        else f"all {outcome.epochs} epochs"
    )
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
        "memory": peak_memory(outcome.device),
        "device": f"{outcome.device}, precision {recipe.training.precision}",
        "processor": processor(),
        "seed": f"{recipe.training.seed} (first weights, dropout)",
        "versions": ", ".join(f"{package} {number}" for package, number in versions().items()),
    }
    return "\n".join(
        [
            f"# {recipe.name}: test {name} {score.written(outcome.figures['test'][1])}",
            "",
            f"By the weights of epoch {outcome.best_epoch}, chosen by validation {watched}; {ended}.",
            f"The test {examples} were looked at once, at the end.",
            "",
            f"| part | {examples} | {name} | loss |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            "![loss and score by epoch](curves.png)",
            "",
            f"## Test {examples}",
            "",
            *shown,
            "",
            f"## Data: {task.name}",
            "",
            *[f"- {note}" for note in task.notes],
            f"- {task.described()}.",
            "",
            f"## Model: {recipe.model.name}",
            "",
            f"- {parameters:,} parameters.",
            f"- {options}." if options else "- All options as the model has them.",
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
