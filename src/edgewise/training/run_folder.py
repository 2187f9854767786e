"""The folder of a run: made once, never overwritten unasked, taken up again when asked."""

import shutil
from pathlib import Path

from edgewise.training import checkpoint, confusion, layers_file, metrics, ranking, residuals, surprise, tensorboard
from edgewise.training.atomic import leftovers, write_text
from edgewise.training.recipe import Recipe
from edgewise.training.schedules import schedule_of

RECIPE, REPORT, CURVES, DATA = "recipe.toml", "report.md", "curves.png", "data.json"
CHECKPOINTS, PICTURES = (
    (checkpoint.BEST, checkpoint.LAST),
    (CURVES, layers_file.PICTURE, confusion.FILE, residuals.FILE, ranking.FILE, surprise.FILE),
)
OURS = (RECIPE, metrics.FILE, layers_file.FILE, *CHECKPOINTS, tensorboard.FOLDER, *PICTURES, DATA, REPORT)


def open_run_folder(folder: Path, recipe: Recipe, *, resume: bool = False, overwrite: bool = False) -> None:
    """Make `folder` ready for a run of `recipe`, or say why it must not be used."""
    if resume and overwrite:
        raise ValueError("--resume and --overwrite: one keeps the run that is there, the other drops it; give one")
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder for the run, found a file")
    halves = {path for name in OURS for path in leftovers(folder / name)}
    there = folder.exists() and any(path not in halves for path in folder.iterdir())
    if there and not (folder / RECIPE).is_file():
        raise ValueError(f"{folder}: it holds files but no {RECIPE}, so it is not a run's; choose another --out")
    if there and resume:
        _check_same(folder, recipe)
    elif there and overwrite:
        # The recipe last: while it stands, the rest is known to be a run's.
        for path in [*halves, *(folder / name for name in reversed(OURS))]:
            _remove(path)
    elif there:
        raise ValueError(
            f"{folder}: it holds a run. Add --resume to go on with it, --overwrite to drop it and start again,"
            " or choose another --out"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / RECIPE, recipe.as_toml())


def _check_same(folder: Path, recipe: Recipe) -> None:
    started = Recipe.read(folder / RECIPE)
    # A schedule that ends is another one where it ends later.
    same = recipe if schedule_of(recipe.training).ends else recipe.with_epochs(started.training.epochs)
    differences = same.differences(started)
    if differences:
        listed = "".join(f"\n  {difference}" for difference in differences)
        raise ValueError(f"{folder}: it was started with another recipe (asked for now, then):{listed}")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
