"""A run that is killed at random moments and taken up again ends like one that never was."""

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest
from tests.training.sitting import sit

from edgewise.training import Recipe, run

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("EDGEWISE_KILLS", "6"))
EPOCHS = 15


@pytest.fixture
def processes(monkeypatch):
    """Processes that start with everything imported."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), str(ROOT)]))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.training.sitting"])
    return context


@pytest.fixture
def busy_recipe(recipe_file):
    """One that writes its checkpoints after every epoch, so that most of its time is writing."""
    recipe_file.write_text(recipe_file.read_text().replace("epochs = 12", f"epochs = {EPOCHS}\nsave_every = 0"))
    return recipe_file


def lines(folder):
    """metrics.csv without its seconds."""
    rows = [line.split(",") for line in (folder / "metrics.csv").read_text().splitlines()]
    return [[number, *rest] for number, _, *rest in rows]


def epochs_written(folder):
    file = folder / "metrics.csv"
    return file.read_text().count("\n") - 1 if file.exists() else 0


def killed(process, folder, after_epochs, delay):
    """Kill the process when it has written some more epochs and a little later; no, if it ended before."""
    wanted = epochs_written(folder) + after_epochs
    deadline = time.monotonic() + 120
    while process.is_alive() and epochs_written(folder) < wanted and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(delay)
    if not process.is_alive():
        return False
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    return True


@pytest.fixture
def busy_mini_batches(recipe_file):
    """Graphs in mini-batches, a learning rate that rises and falls, a clipped gradient."""
    recipe_file.write_text(
        f"""
        [data]
        name = "tests.training.stand_in:cycles_task"
        [model]
        name = "tests.training.stand_in:pooled_network"
        [training]
        epochs = {EPOCHS}
        learning_rate = 0.02
        schedule = "cosine"
        warm_up = 3
        clip_norm = 1.0
        batch_size = 8
        device = "cpu"
        save_every = 0
        """
    )
    return recipe_file


@pytest.fixture
def busy_links(recipe_file):
    """Links in mini-batches, beside pairs that every epoch draws anew."""
    recipe_file.write_text(
        f"""
        [data]
        name = "tests.training.stand_in:friends_task"
        [model]
        name = "gat"
        head = {{name = "links", num_heads = 2}}
        [training]
        epochs = {EPOCHS}
        batch_size = 40
        device = "cpu"
        save_every = 0
        """
    )
    return recipe_file


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["busy_recipe", "busy_mini_batches", "busy_links"])
def test_a_run_killed_at_random_moments_ends_as_if_it_never_was(recipe, request, tmp_path, processes):
    busy_recipe = request.getfixturevalue(recipe)
    whole = run(Recipe.read(busy_recipe), tmp_path / "whole")
    chance = random.Random(0)
    kills = trial = 0
    while kills < KILLS:
        trial += 1
        folder = tmp_path / f"killed{trial}"
        while True:
            process = processes.Process(target=sit, args=(busy_recipe, folder))
            process.start()
            if kills == KILLS or not killed(process, folder, chance.randint(0, 8), chance.uniform(0, 0.05)):
                break
            kills += 1
        process.join()
        assert process.exitcode == 0
        assert lines(folder) == lines(tmp_path / "whole")
        for name in ("best/model.safetensors", "last/model.safetensors", "last/training.safetensors"):
            assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
        assert f"test {whole.score_name} {100 * whole.figures['test'][1]:.1f} %" in (folder / "report.md").read_text()
        assert {path.name for path in folder.iterdir()} == {path.name for path in (tmp_path / "whole").iterdir()}
