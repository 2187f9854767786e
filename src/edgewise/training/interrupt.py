"""Ctrl-C that waits for the end of the epoch."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """Training stopped when asked to, after an epoch, with everything up to it on disk."""


@contextmanager
def postponed_interrupt() -> Iterator[Callable[[], bool]]:
    """Within, the first Ctrl-C only makes the yielded question true; the second raises KeyboardInterrupt at once.

    Python delivers signals to the main thread alone, so elsewhere the answer stays no.
    """
    asked = False

    def remember(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, before)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, remember)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)
