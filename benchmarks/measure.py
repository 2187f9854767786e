"""How long each of several ways takes: all in turn, round after round, in one process; medians, smallest and largest.

Before the first round each is called once more, to see how long it takes; so it is compiled, planned and warm. A way
that has used up its seconds drops out after three rounds; one that takes microseconds is called as often as fills a
hundredth of a second.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from statistics import median

import torch
from parity import WrongError, check
from way import Way

Call = Callable[[], object]
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

    def written(self, digits: int) -> str:
        """The median, and in brackets the smallest and the largest."""
        return f"{self.median:.{digits}f} ({self.smallest:.{digits}f} – {self.largest:.{digits}f})"


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
    """What in_turn says of the forward pass of each way, and of both passes."""
    taken = in_turn({name: calls_of(way) for name, way in ways.items()}, rounds, seconds)
    return {name: Times(*samples) for name, samples in taken.items()}


def in_turn(calls: dict[str, list[Call]], rounds: int, seconds: float) -> dict[str, list[list[float]]]:
    """For each name and each of its calls a sample a round: `rounds` rounds at most, about `seconds` for each name.

    The order turns with the round, so that nobody always comes after the same neighbour.
    """
    times: dict[str, list[list[float]]] = {name: [[] for _ in own] for name, own in calls.items()}
    loops = {name: [max(1, ceil(FILL / max(sample(call), 1e-7))) for call in own] for name, own in calls.items()}
    spent, names = dict.fromkeys(calls, 0.0), list(calls)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            if turn >= LEAST and spent[name] >= seconds:
                continue
            for call, count, kept in zip(calls[name], loops[name], times[name], strict=True):
                kept.append(sample(call, count))
                spent[name] += kept[-1] * count
    return times


def calls_of(way: Way) -> list[Call]:
    """The forward pass as inference runs it, and, where there is a backward, both as training does."""

    def forward() -> object:
        with torch.no_grad():
            return way.compute()

    if not way.backward:
        return [forward]
    upstream = torch.ones_like(way.compute().detach())
    return [forward, lambda: torch.autograd.grad(way.compute(), way.leaves, upstream)]


def sample(call: Call, loops: int = 1) -> float:
    """Seconds a call."""
    begin = time.perf_counter()
    for _ in range(loops):
        call()
    return (time.perf_counter() - begin) / loops
