"""How far a benchmark has come, and about how long it still takes, on the error stream."""

import sys
import time


class Progress:
    """`next(what)` begins a step of `total`; the time left supposes that the rest goes as the steps before."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.began = total, 0, time.perf_counter()

    def next(self, what: str) -> None:
        taken = time.perf_counter() - self.began
        left = f", about {minutes(taken / self.done * (self.total - self.done))} left" if self.done else ""
        self.done += 1
        tell(f"[{self.done}/{self.total}] {what}{left}")


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
