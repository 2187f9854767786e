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
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired
from threading import Thread
from time import monotonic, time
from typing import IO

import torch

from edgewise.ranks import num_ranks
from edgewise.training.fabric import leave
from edgewise.training.recipe import Recipe

READY, FAILED = b"+", b"-"  # what a process says first
GRACE = 15.0  # seconds in which another process may still say what went wrong, when it is no longer heard from


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
            for rank in range(1, devices):
                others.append(_Other(rank, devices, (recipe, folder, resume)))
            for other in others:
                other.wait_until_ready()
            yield
        except RuntimeError as error:
            lost = None if isinstance(error, LostProcess) else _who_was_lost(others, error, folder)
            if lost is None:
                raise
            raise lost from error
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
    Thread(target=_end_with, args=(sys.stdin.fileno(),), daemon=True).start()
    begun = False
    try:
        task, network = prepare(recipe, resume=resume)
        begun = bool(to_first.write(READY))
        to_first.flush()
        train(network, task, recipe.training, folder, resume=resume)
    except Exception as error:
        to_first.write((b"" if begun else FAILED) + f"{time()} {type(error).__name__}: {error}".encode())
        to_first.flush()
        raise


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
        with suppress(BrokenPipeError):  # if it has ended, `wait_until_ready` says why
            pickle.dump(told, self._input())
            self._input().flush()

    def wait_until_ready(self) -> None:
        if self._output().read(len(READY)) != READY:
            raise self.lost(f"could not begin: {self.last_words()[1]}")

    def has_ended(self, deadline: float) -> bool:
        try:
            return self._process.wait(max(0.0, deadline - monotonic())) != 0
        except TimeoutExpired:
            return False

    def end(self) -> None:
        """End it, in whatever it may be."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._input(), self._output(), self._said):
            with suppress(BrokenPipeError):
                pipe.close()

    def _input(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def last_words(self) -> tuple[float, str]:
        """When it said what of its error; how it ended, if that was without a word."""
        when, _, words = self._output().read().decode().partition(" ")
        code = self._process.wait()
        ended = f"it was killed by {signal.Signals(-code).name}" if code < 0 else f"its exit code was {code}"
        return (float(when), words) if when else (0.0, ended)

    def lost(self, how: str) -> LostProcess:
        lost = LostProcess(f"training: {self._name} {how}")
        self._said.seek(0)
        lost.add_note(self._said.read().decode(errors="replace"))  # its traceback
        return lost


def _who_was_lost(others: "list[_Other]", error: RuntimeError, folder: Path) -> LostProcess | None:
    """What is to be said where the first process has lost touch with another; None where it has failed itself."""
    deadline = monotonic() + GRACE
    ended = [(other.last_words(), other) for other in others if other.has_ended(deadline)]
    if not ended:
        return None
    # Who lost touch as well has said so later; who was killed has said nothing.
    (_, words), other = min(ended, key=lambda each: each[0])
    if str(error) in words:
        return None  # all met the same
    return other.lost(f"has ended: {words}; {folder} can be resumed")


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


def _end_with(pipe: int) -> None:
    """End this process when the other end of a pipe is closed."""
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGTERM)
