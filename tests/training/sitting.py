"""One sitting of a run, for a process that is going to be killed."""

import warnings
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import lightning.fabric  # noqa: F401  loaded once, before the processes part
    import matplotlib.figure  # noqa: F401

from edgewise.training import Recipe, run


def sit(recipe_file: Path, folder: Path) -> None:
    """Begin the run in `folder`, or go on with it."""
    run(Recipe.read(recipe_file), folder, resume=True)
