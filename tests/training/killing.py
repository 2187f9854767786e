"""Kill runs at random moments, take them up again, and hold what comes of it against a run that was left alone."""

import csv
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests.training.sitting import sit

ROOT = Path(__file__).parents[2]
EPOCHS = 15
CHECKPOINTS = ("best/model.safetensors", "last/model.safetensors", "last/training.safetensors")

# Recipes that write their checkpoints after every epoch, so that most of their time is writing.
BUSY = {
    "one graph": f"""
        [data]
        name = "tests.training.stand_in:ring_task"
        [model]
        name = "tests.training.stand_in:mean_network"
        [training]
        epochs = {EPOCHS}
        learning_rate = 0.02
        device = "cpu"
        save_every = 0
        """,
    # A learning rate that rises and falls, a clipped gradient of several batches, means of weights.
    "mini-batches": f"""
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
        batch_size = 4
        accumulation = 3
        decayed = "matrices"
        averaging = {{name = "last", count = 3}}
        device = "cpu"
        save_every = 0
        """,
    # Beside links, pairs that every epoch draws anew.
    "links": f"""
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
        """,
    # Hidden nodes and edges, which every epoch draws anew.
    "masked": f"""
        [data]
        name = "tests.training.stand_in:hidden_task"
        [model]
        name = "graph_transformer"
        head = "nodes_and_edges"
        hidden = 8
        num_layers = 2
        dropout = 0.1
        positions = []
        [training]
        epochs = {EPOCHS}
        batch_size = 8
        device = "cpu"
        save_every = 0
        """,
}


class Runs:
    """Runs of one recipe in a folder, in processes that start with everything imported."""

    def __init__(self, recipe: str, folder: Path) -> None:
        os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["tests.training.sitting"])
        self.recipe, self.folder = folder / "recipe.toml", folder
        self.recipe.write_text(recipe)
        self.whole, tally = folder / "whole", folder / "tally"
        self.finish(self.whole, tally=tally)
        self.touches = int(tally.read_text())  # how often a sitting from beginning to end touches files
        self.chance = random.Random(0)
        self.made = 0

    def start(self, folder: Path, **options: Any) -> BaseProcess:
        process = self.context.Process(target=sit, args=(self.recipe, folder), kwargs=options)
        process.start()
        return process

    def finish(self, folder: Path, **options: Any) -> None:
        """A sitting that is left alone."""
        process = self.start(folder, **options)
        process.join()
        assert process.exitcode == 0, f"{folder}: the sitting ended with {process.exitcode}"

    def new_folder(self) -> Path:
        self.made += 1
        return self.folder / f"killed{self.made}"

    def kill_in_time(self, folder: Path) -> bool:
        """Kill a sitting after some more epochs and a little while; no, if it ended before."""
        process = self.start(folder)
        wanted = _epochs_written(folder) + self.chance.randint(0, 8)
        delay = self.chance.uniform(0, 0.05)
        deadline = time.monotonic() + 120
        while process.is_alive() and _epochs_written(folder) < wanted and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(delay)
        return _kill(process)

    def kill_in_the_report(self, folder: Path) -> bool:
        """Kill a sitting when all its epochs are written: in the last checkpoint, the pictures, or the report."""
        process = self.start(folder)
        deadline = time.monotonic() + 120
        while process.is_alive() and _epochs_written(folder) < EPOCHS and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(self.chance.uniform(0, 0.6))
        return _kill(process)

    def kill_at_a_touch(self, folder: Path) -> bool:
        """Kill a sitting just before it touches a file; so also between the steps of writing a checkpoint."""
        process = self.start(folder, touches=self.chance.randrange(self.touches))
        process.join()
        return process.exitcode == -signal.SIGKILL

    def check(self, folder: Path) -> None:
        """Finish the run in a folder; it must then be as the one that was left alone."""
        self.finish(folder)
        assert _lines(folder) == _lines(self.whole), f"{folder}: other figures in metrics.csv"
        for name in CHECKPOINTS:
            assert (folder / name).read_bytes() == (self.whole / name).read_bytes(), f"{folder}: another {name}"
        assert _told(folder) == _told(self.whole), f"{folder}: another report"
        mine, theirs = ({path.name for path in run.iterdir()} for run in (folder, self.whole))
        assert mine == theirs, f"{folder}: {mine ^ theirs} are in one folder alone"

    def kills(self, count: int) -> Iterator[str]:
        """So many kills, of the three kinds by turns, and the check of every run; yields a word of each kill."""
        kinds: list[Callable[[Path], bool]] = [self.kill_in_time, self.kill_at_a_touch, self.kill_in_the_report]
        done = 0
        while done < count:
            folder = self.new_folder()
            # A run may be killed again and again before it ends.
            for _ in range(self.chance.randint(1, 3)):
                kind = kinds[done % len(kinds)]
                if done == count or not kind(folder):
                    break
                done += 1
                yield f"{kind.__name__} {folder.name}"
            self.check(folder)


def _kill(process: BaseProcess) -> bool:
    if not process.is_alive() or process.pid is None:
        return False
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    return process.exitcode == -signal.SIGKILL


def _epochs_written(folder: Path) -> int:
    file = folder / "metrics.csv"
    return file.read_text().count("\n") - 1 if file.exists() else 0


def _lines(folder: Path) -> list[list[str]]:
    """metrics.csv without its seconds."""
    with (folder / "metrics.csv").open(newline="") as file:
        return [[number, *rest] for number, _, *rest in csv.reader(file)]


def _told(folder: Path) -> list[str]:
    """The report's own lines, up to the run's time, memory and date."""
    head, _, _ = (folder / "report.md").read_text().partition("\n## Run\n")
    title, *rest = head.splitlines()
    assert title.startswith("# ")
    return [title.partition(":")[2], *rest]
