"""How the learning rate goes: a share of its peak for every step, which depends on the step's number alone.

So a run that is taken up needs no saved schedule. A schedule of your own is a subclass with `shape`; a recipe names it
by its import path.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from edgewise.names import nearest
from edgewise.part import Part
from edgewise.training.config import TrainingConfig


@dataclass(frozen=True)
class Schedule(ABC):
    """(t + 1) / w of the peak while t < w, then the shape: step t of T, numbered from 0, w of them to warm up."""

    ends: ClassVar[bool] = True  # whether it depends on how many steps there will be: such a run cannot be made longer

    @abstractmethod
    def shape(self, step: int, warm_up: int, steps: int) -> float:
        """The share of the peak at a step after the warm-up."""

    def share(self, step: int, warm_up: int, steps: int) -> float:
        """Of the peak at this step: (t + 1) / w for t < w, then the shape."""
        return (step + 1) / warm_up if step < warm_up else self.shape(step, warm_up, steps)


@dataclass(frozen=True)
class Constant(Schedule):
    """1."""

    ends: ClassVar[bool] = False

    def shape(self, step: int, warm_up: int, steps: int) -> float:
        return 1.0


@dataclass(frozen=True)
class InverseSquareRoot(Schedule):
    """√(w / (t + 1)), w at least 1: falls on for ever.

    Vaswani et al. 2017, section 5.3, https://arxiv.org/abs/1706.03762; differs: 1 at the end of the warm-up. Theirs,
    elsewhere called Noam, is the same with learning_rate = factor / √(width · w), w in steps.

    >>> [InverseSquareRoot().share(step, warm_up=1, steps=9) for step in (0, 3)]
    [1.0, 0.5]
    """

    ends: ClassVar[bool] = False

    def shape(self, step: int, warm_up: int, steps: int) -> float:
        return math.sqrt(max(warm_up, 1) / (step + 1))


@dataclass(frozen=True)
class Falling(Schedule):
    """least + (1 - least) fall(x), x from 0 to 1 on the way to the end: what falling schedules share.

    The step after the last would have x = 1, and so `least` of the peak.
    """

    least: float = 0.0  # share of the peak, from 0 to 1

    def __post_init__(self) -> None:
        if not 0 <= self.least <= 1:
            raise ValueError(f"schedule: least must be from 0 to 1, a share of the peak, got {self.least}")

    def fallen(self, fall: Callable[[float], float], begin: int, step: int, steps: int) -> float:
        """The share where the fall begins with the step `begin`."""
        return self.least + (1 - self.least) * fall((step - begin) / (steps - begin))


def linearly(x: float) -> float:
    """1 - x: a straight line."""
    return 1 - x


def as_cosine(x: float) -> float:
    """(1 + cos(πx)) / 2."""
    return (1 + math.cos(math.pi * x)) / 2


def by_square_root(x: float) -> float:
    """1 - √x: steep at first. Hägele et al. 2024, section 3.2, https://arxiv.org/abs/2405.18392"""
    return 1 - math.sqrt(x)


FALLS: dict[str, Callable[[float], float]] = {
    "linear": linearly,
    "cosine": as_cosine,
    "square_root": by_square_root,
}


@dataclass(frozen=True)
class Linear(Falling):
    """least + (1 - least) (T - t) / (T - w): in a straight line.

    >>> [Linear().share(step, warm_up=0, steps=4) for step in range(4)]
    [1.0, 0.75, 0.5, 0.25]
    """

    def shape(self, step: int, warm_up: int, steps: int) -> float:
        return self.fallen(linearly, warm_up, step, steps)


@dataclass(frozen=True)
class Cosine(Falling):
    """least + (1 - least) (1 + cos(π (t - w) / (T - w))) / 2.

    Loshchilov & Hutter 2017, equation 5 without restarts, https://arxiv.org/abs/1608.03983; least = 0.1 in GPT-3, Brown
    et al. 2020, appendix B, https://arxiv.org/abs/2005.14165
    """

    def shape(self, step: int, warm_up: int, steps: int) -> float:
        return self.fallen(as_cosine, warm_up, step, steps)


@dataclass(frozen=True)
class WarmUpStableDecay(Falling):
    """1 until the last D = decay · T steps, at least one, then least + (1 - least) fall((t - (T - D)) / D).

    D ends at the warm-up's end where it would begin before. `fall` is a name in FALLS: "linear" 1 - x, "cosine"
    (1 + cos(πx)) / 2, "square_root" 1 - √x.

    >>> [WarmUpStableDecay(decay=0.5).share(step, warm_up=2, steps=8) for step in range(8)]
    [0.5, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]

    MiniCPM, Hu et al. 2024, section 4, https://arxiv.org/abs/2404.06395
    Differs: theirs halves every so many steps in the decay, and so does not come to an end.
    """

    decay: float = 0.1  # share of all steps, above 0, at most 1
    fall: str = "linear"  # a name in FALLS

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.decay <= 1:
            raise ValueError(f"schedule: decay must be above 0 and at most 1, a share of all steps, got {self.decay}")
        if self.fall not in FALLS:
            raise ValueError(f"schedule: unknown fall {self.fall!r}. {nearest(self.fall, FALLS)}")

    def shape(self, step: int, warm_up: int, steps: int) -> float:
        begin = max(steps - max(round(self.decay * steps), 1), warm_up)
        return 1.0 if step < begin else self.fallen(FALLS[self.fall], begin, step, steps)


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "linear": Linear,
    "cosine": Cosine,
    "inverse_square_root": InverseSquareRoot,
    "warm_up_stable_decay": WarmUpStableDecay,
}


def schedule_of(config: TrainingConfig) -> Schedule:
    """The schedule that a config names."""
    schedule: Schedule = Part.of(config.schedule).build(SCHEDULES, "schedule")
    return schedule
