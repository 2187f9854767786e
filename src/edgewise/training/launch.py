"""The processes of a run beside the one that was asked for it, started as torchrun would start them.

Each makes data and network of the recipe anew, and trains along; a script of the user's is not run again. The first
process, which is the one that was asked, does all the writing and speaking.
"""

import os
import pickle
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired
from threading import Thread
from typing import IO

import torch

from edgewise.ranks import num_ranks
from edgewise.training.fabric import leave
from edgewise.training.recipe import Recipe

READY = b"ready\n"
GRACE = 5.0  # seconds in which another process may still say what went wrong, when it is no longer heard from


class LostProcess(RuntimeError):
    """One of the processes that trained together has ended before its time."""


@contextmanager
def launched(recipe: Recipe, folder: Path, *, resume: bool) -> Iterator[None]:
    """Within, the other processes of the recipe train along, and this one is the first; afterwards they are gone."""
    devices = recipe.training.devices
    if devices == num_ranks():  # it is alone, or torchrun has started all
        yield
        return
    others: list[_Other] = []
    with _as_rank(0, devices, _free_port()):
        try:
            others = [_Other(rank, devices, (recipe, folder, resume)) for rank in range(1, devices)]
            for other in others:
                other.wait_until_ready()
            yield
        except Exception as error:
            for other in others:
                other.answer_for(error, folder)
            raise
        finally:
            for other in others:
                other.end()
            leave()


def train_along() -> None:
    """What a process does that was started to train along; it ends with the one that started it."""
    from edgewise.training.loop import train
    from edgewise.training.run import prepare

    to_first = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the first one speaks for all
    recipe, folder, resume = pickle.load(sys.stdin.buffer)
    Thread(target=_end_with, args=(sys.stdin.buffer,), daemon=True).start()
    task, network = prepare(recipe)
    to_first.write(READY)
    to_first.flush()
    train(network, task, recipe.training, folder, resume=resume)


class _Other:
    def __init__(self, rank: int, devices: int, told: tuple[Recipe, Path, bool]) -> None:
        self._name = f"process {rank + 1} of {devices}"
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  closed at the end
        self._process = Popen(
            [sys.executable, "-c", f"from {__name__} import train_along; train_along()"],
            env={
                **os.environ,
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            },
            stdin=PIPE,
            stdout=PIPE,
            stderr=self._said,
            start_new_session=True,  # Ctrl-C is for the first one, who tells the others
        )
        try:
            pickle.dump(told, self._input())
            self._input().flush()
        except BrokenPipeError:
            pass  # it has ended, and `wait_until_ready` says why

    def wait_until_ready(self) -> None:
        assert self._process.stdout is not None
        if self._process.stdout.readline() != READY:
            self._process.wait()
            raise LostProcess(f"training: {self._name} could not begin: {self._last_words()}")

    def answer_for(self, error: Exception, folder: Path) -> None:
        """Raise what ended this process, if that is why the first one has lost touch with it."""
        if isinstance(error, LostProcess) or not isinstance(error, RuntimeError):
            return
        try:
            self._process.wait(GRACE)
        except TimeoutExpired:
            return
        words = self._last_words()
        if self._process.returncode and str(error) not in words:  # what all meet alike, the first one tells itself
            raise LostProcess(f"training: {self._name} has ended: {words}; {folder} can be resumed") from error

    def end(self) -> None:
        """End it, in whatever it may be."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._said):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                continue

    def _input(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _last_words(self) -> str:
        """The last line of its traceback, or how it ended where there is none."""
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        code = self._process.returncode
        if code < 0:
            return f"it was killed by {signal.Signals(-code).name}"
        return lines[-1] if lines else f"its exit code was {code}"


@contextmanager
def _as_rank(rank: int, devices: int, port: int) -> Iterator[None]:
    """Within, the environment is as torchrun gives it to a process of this rank."""
    threads, before = torch.get_num_threads(), dict(os.environ)
    count = {"WORLD_SIZE": str(devices), "LOCAL_WORLD_SIZE": str(devices)}
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "TORCHELASTIC_RUN_ID": "edgewise"}
    os.environ.update({"RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0", **count, **place})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        torch.set_num_threads(threads)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _end_with(pipe: IO[bytes]) -> None:
    """End this process when the other end of a pipe is closed."""
    pipe.read()
    os.kill(os.getpid(), signal.SIGTERM)
