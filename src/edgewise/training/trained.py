"""A run folder, opened to be asked: its recipe, what it has learned of its data, its best weights."""

import inspect
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch.nn import Module

from edgewise.data import DATASETS, Learned, Task, Tokeniser
from edgewise.models import Network
from edgewise.part import Part
from edgewise.training import checkpoint
from edgewise.training.recipe import Recipe
from edgewise.training.run import network_for, task_of
from edgewise.training.run_folder import DATA, RECIPE
from edgewise.training.samplings import sampled


@dataclass(frozen=True)
class Trained:
    """What it takes to put the questions of training to other data, or to the same again."""

    folder: Path
    recipe: Recipe
    learned: Learned | None  # of its data; None while it has not begun to train

    @classmethod
    def open(cls, folder: str | Path, changes: Sequence[str] = ()) -> "Trained":
        """The run in a folder, with `changes` of its recipe such as "training.device=cpu"."""
        folder = Path(folder)
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: there is no such run folder")
        if not (folder / RECIPE).is_file():
            raise FileNotFoundError(f"{folder}: it holds no {RECIPE}, so it is not a run's folder")
        return cls(folder, Recipe.read(folder / RECIPE, changes, name=folder.resolve().name), _learned(folder / DATA))

    def own_task(self) -> Task:
        """The data it was trained on, with the same parts; refused where they have changed since."""
        task = task_of(self.recipe)
        if self.learned is not None and _plain(task.learned()) != _plain(self.learned):
            raise ValueError(
                f"{self.folder}: its data are not those that it was trained on: what is learned of them is not what"
                f" {DATA} has kept. Bring them back, or name them as other data (--data)"
            )
        return task

    def task_in(self, files: str | Path, *, targets: bool) -> Task:
        """Other files, a folder or a single one, read as training read its own: all of them are in the test part."""
        files, part = Path(files), self.recipe.data
        if not files.exists():
            raise FileNotFoundError(f"{files}: there is no such file or folder")
        where = f"data set {part.name!r}"
        options = inspect.signature(part.found(DATASETS, "data set")).parameters
        if "learned" not in options:
            able = sorted(name for name, made in DATASETS.items() if "learned" in inspect.signature(made).parameters)
            raise ValueError(
                f"{where}: it cannot read other data for a trained network, as its function names no option 'learned';"
                f" those that do: {', '.join(able)}"
            )
        if self.learned is None:
            raise FileNotFoundError(f"{self.folder}: it has no {DATA}; edgewise train --resume goes on with it")
        if files.is_dir():
            place = {"folder": str(files)}
        elif "file" in options:
            place = {"folder": str(files.parent), "file": files.name}
        else:
            raise ValueError(f"{where}: expected a folder, and {files} is a file")
        learned = self.learned if targets else self.learned.without_targets()
        task: Task = Part(part.name, {**part.options, **place}).build(DATASETS, "data set", learned=learned)
        return sampled(task, self.recipe.training)

    def tokeniser(self) -> Tokeniser:
        """What its texts were cut into tokens by; refused where it was trained on other things than texts."""
        if self.learned is None:
            raise FileNotFoundError(f"{self.folder}: it has no {DATA}; edgewise train --resume goes on with it")
        if "tokeniser" not in self.learned.encoders:
            raise ValueError(
                f"{self.folder}: it was trained on {self.recipe.data.name!r}, which brings no texts, so it has no "
                "tokeniser"
            )
        return Tokeniser.of(self.learned.encoders["tokeniser"])

    def best_network(self) -> Network:
        """The network with its best weights, as it was saved: no data are read."""
        return checkpoint.best_network(self.folder)

    def network(self, task: Task) -> Module:
        """The network of the recipe for a task; its weights are the first ones, until `checkpoint.load_best`."""
        return network_for(self.recipe, task)


def _learned(file: Path) -> Learned | None:
    if not file.exists():
        return None
    try:
        return Learned.of(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{file}: it is damaged ({type(error).__name__}: {error}); edgewise train --resume writes it again"
        ) from error


def _plain(learned: Learned) -> str:
    return json.dumps(learned.as_table(), sort_keys=True)
