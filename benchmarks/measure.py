"""How long each of several ways takes: all in turn, round after round, in one process; medians, smallest and largest.

Before the first round every way has been checked and called once more, so it is compiled, planned and warm. A way that
has used up its seconds drops out after three rounds; one that takes microseconds is called as often as fills a hundredth
of a second.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from statistics import median

import torch
from parity import WrongError, check
from way import Way

LEAST = 3  # rounds
FILL = 0.01  # seconds that a sample lasts at least


@dataclass
class Times:
    """Seconds a call, one entry a round."""

    forward: list[float] = field(default_factory=list)
    both: list[float] = field(default_factory=list)  # forward and backward; empty where there is no backward


@dataclass(frozen=True)
class Spread:
    median: float
    smallest: float
    largest: float

    @classmethod
    def of(cls, samples: list[float], scale: float = 1.0) -> "Spread | None":
        """None of no samples."""
        return cls(*(scale * f(samples) for f in (median, min, max))) if samples else None


def right(ways: dict[str, Way], tell: Callable[[str], None]) -> dict[str, Way]:
    """The ways that compute what they should. Of ours all must; a peer that does not is named and left out."""
    kept = {}
    for name, way in ways.items():
        try:
            check(name, way)
        except WrongError as error:
            if name.startswith("edgewise"):
                raise SystemExit(str(error)) from error
            tell(f"left out: {error}")
            continue
        kept[name] = way
    return kept


def interleaved(ways: dict[str, Way], rounds: int, seconds: float) -> dict[str, Times]:
    """`rounds` rounds at most, and about `seconds` for each way; the order turns with the round."""
    times = {name: Times() for name in ways}
    calls = {name: calls_of(way) for name, way in ways.items()}
    loops = {name: [_loops(call) for call in parts] for name, parts in calls.items()}
    spent = dict.fromkeys(ways, 0.0)
    names = list(ways)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            if turn >= LEAST and spent[name] >= seconds:
                continue
            taken = [sample(call, count) for call, count in zip(calls[name], loops[name], strict=True)]
            spent[name] += sum(map(lambda t, n: t * n, taken, loops[name]))
            for kept, one in zip((times[name].forward, times[name].both), taken, strict=False):
                kept.append(one)
    return times


def calls_of(way: Way) -> list[Callable[[], object]]:
    """The forward pass as inference runs it, and, where there is a backward, both as training does."""

    def forward() -> object:
        with torch.no_grad():
            return way.compute()

    if not way.backward:
        return [forward]
    upstream = torch.ones_like(way.compute().detach())
    return [forward, lambda: torch.autograd.grad(way.compute(), way.leaves, upstream)]


def sample(call: Callable[[], object], loops: int = 1) -> float:
    """Seconds a call."""
    begin = time.perf_counter()
    for _ in range(loops):
        call()
    return (time.perf_counter() - begin) / loops


def _loops(call: Callable[[], object]) -> int:
    return max(1, ceil(FILL / max(sample(call), 1e-7)))
