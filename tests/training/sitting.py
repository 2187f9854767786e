"""One sitting of a run, for a process that is going to be killed."""

import os
import signal
import sys
import warnings
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import lightning.fabric  # noqa: F401  loaded once, before the processes part
    import matplotlib.backends.backend_agg  # noqa: F401

from edgewise.training import Recipe, run

TOUCHES = {"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "shutil.rmtree"}


def sit(recipe_file: Path, folder: Path, touches: int | None = None, tally: Path | None = None) -> None:
    """Begin the run in `folder`, or go on with it.

    Killed just before the sitting touches a file or folder of the run for the time number `touches`, counted from 0.
    How often it did so in all goes to the file `tally`.
    """
    count = 0

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if event in TOUCHES and str(folder) in str(arguments[0]):
            if count == touches:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1

    sys.addaudithook(watch)
    run(Recipe.read(recipe_file), folder, resume=True)
    if tally is not None:
        tally.write_text(str(count))
