"""A recipe: what is learned from, what learns, and how; read from TOML, with every mistake named at once."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgewise.data import DATASETS, SAMPLINGS
from edgewise.extras import require
from edgewise.models import MODELS
from edgewise.names import nearest
from edgewise.part import Part
from edgewise.training.averaging import AVERAGINGS, averaging_of
from edgewise.training.change import put
from edgewise.training.config import AUTO, LOSS, TrainingConfig
from edgewise.training.named import named
from edgewise.training.objectives import OBJECTIVES
from edgewise.training.optimisers import GIVEN, OPTIMISERS, try_optimiser
from edgewise.training.options import check_options
from edgewise.training.samplings import sampling_of
from edgewise.training.schedules import SCHEDULES, schedule_of
from edgewise.training.scores import SCORES
from edgewise.training.shares import as_started

OFFERED = ("in_dim", "out_dim", "edge_dim", "tokens", "asks", "tokeniser")  # to a model's page, by the task
TABLES = ("data", "model", "training")
# In [training], a name or a table of a name and options: the known ones, which options others give, what makes it.
CHOSEN: dict[str, tuple[Mapping[str, Callable[..., Any]], Sequence[str], Callable[[TrainingConfig], Any]]] = {
    "optimiser": (OPTIMISERS, GIVEN, try_optimiser),
    "schedule": (SCHEDULES, (), schedule_of),
    "sampling": (SAMPLINGS, (), sampling_of),
    "averaging": (AVERAGINGS, (), averaging_of),
}


@dataclass(frozen=True)
class Recipe:
    """`data` and `model` are parts with all their options, `training` is a config; `name` heads the report."""

    name: str
    data: Part
    model: Part
    training: TrainingConfig

    @classmethod
    def read(cls, file: str | Path, changes: Sequence[str] = (), *, name: str | None = None) -> "Recipe":
        """The recipe in `file`, with `changes` such as "training.epochs=10" put in; its name is the file's, or given.

        A `folder` in [data] or [model], and a `cache` and a `start` in [training], are counted from the recipe's own
        folder, those in `changes` from where the process is.
        Raises one ValueError that lists all that is wrong.
        """
        file = Path(file)
        try:
            tables = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"recipe {file}: this is no TOML: {error}") from error
        _place(tables, file.parent)
        wrong = [problem for change in changes if (problem := put(tables, change, TABLES))]
        _place(tables, Path())
        recipe, problems = _check(name or file.stem, tables)
        wrong += problems
        if wrong:
            count = "1 mistake" if len(wrong) == 1 else f"{len(wrong)} mistakes"
            raise ValueError(f"recipe {file}: {count}\n" + "\n".join(f"  {sentence}" for sentence in wrong))
        return recipe

    def as_toml(self) -> str:
        """The recipe with every option written out; reading it gives the same recipe."""
        tomlkit = require("tomlkit", extra="cli")
        tables = {
            "data": {"name": self.data.name, **self.data.options},
            "model": {"name": self.model.name, **self.model.options},
            "training": {option: _written(value) for option, value in vars(self.training).items()},
        }
        return f"# {self.name}, with every option written out\n\n{tomlkit.dumps(tables)}"

    def differences(self, other: "Recipe") -> list[str]:
        """Each option that is not the same in both, as `table.key: here, there`."""
        mine, theirs = (tomllib.loads(recipe.as_toml()) for recipe in (self, other))
        return [
            f"{table}.{key}: {mine[table].get(key)!r}, {theirs[table].get(key)!r}"
            for table in TABLES
            for key in sorted(mine[table].keys() | theirs[table].keys())
            if mine[table].get(key) != theirs[table].get(key)
        ]

    def as_started(self) -> "Recipe":
        """The same recipe, on as many devices as torchrun has started processes, where it has."""
        return replace(self, training=as_started(self.training))

    def with_epochs(self, epochs: int) -> "Recipe":
        """The same recipe, run for longer or shorter."""
        return replace(self, training=replace(self.training, epochs=epochs))


def _written(value: object) -> object:
    return value.as_table() if isinstance(value, Part) else value


def _place(tables: dict[str, Any], base: Path) -> None:
    """Make folders, of data, model, cache and start, absolute: so the recipe means the same wherever it is kept."""
    for name, option in (("data", "folder"), ("model", "folder"), ("training", "cache"), ("training", "start")):
        table = tables.get(name)
        if isinstance(table, dict) and isinstance(table.get(option), str) and table[option]:
            table[option] = str((base / table[option]).expanduser().resolve())


def _check(name: str, tables: Mapping[str, Any]) -> tuple["Recipe", list[str]]:
    wrong = [f"unknown table [{table}]. {nearest(table, TABLES)}" for table in tables if table not in TABLES]
    for table in TABLES:
        if not isinstance(tables.get(table, {}), dict):
            wrong.append(f"[{table}] is to be a table, got {tables[table]!r}")
    found = {table: tables[table] if isinstance(tables.get(table), dict) else {} for table in TABLES}
    data, problems = _check_part("data", found["data"], DATASETS, "data set", offered=("learned",))
    wrong += problems
    model, problems = _check_part("model", found["model"], MODELS, "model", offered=OFFERED)
    wrong += problems
    training, problems = _check_training(found["training"])
    wrong += problems
    return Recipe(name, data, model, training), wrong


def _check_training(given: Mapping[str, Any]) -> tuple[TrainingConfig, list[str]]:
    options, wrong = check_options(TrainingConfig, given, "[training]")
    try:
        config = TrainingConfig(**options)
    except ValueError as error:
        wrong += [f"[training] {sentence}" for sentence in str(error).removeprefix("training: ").split("; ")]
        config = TrainingConfig()
    for what, known, free in (
        ("objective", OBJECTIVES, (AUTO,)),
        ("watch", SCORES, (AUTO, LOSS)),
    ):
        try:
            named(getattr(config, what), {**dict.fromkeys(free), **known}, what)
        except ValueError as error:
            wrong.append(f"[training] {error}")
    return config, wrong + [problem for what in CHOSEN for problem in _check_choice(config, what)]


def _check_choice(config: TrainingConfig, what: str) -> list[str]:
    given, (known, offered, make) = getattr(config, what), CHOSEN[what]
    if not given:
        return []
    try:
        part = Part.of(given)
        _, wrong = check_options(part.found(known, what), part.options, f"[training.{what}]", offered)
        if not wrong:
            make(config)
    except (ValueError, TypeError) as error:
        return [f"[training] {str(error).removeprefix('training: ')}"]
    return wrong


def _check_part(
    table: str, given: Mapping[str, Any], known: Mapping[str, Callable[..., Any]], what: str, offered: Sequence[str]
) -> tuple[Part, list[str]]:
    options = dict(given)
    name = options.pop("name", None)
    if not isinstance(name, str):
        return Part(""), [f"[{table}] needs a name. {nearest('', known)}"]
    try:
        factory = named(name, known, what)
    except ValueError as error:
        return Part(name), [f"[{table}] {error}"]
    options, wrong = check_options(factory, options, f"[{table}]", offered)
    return Part(name, options), wrong
