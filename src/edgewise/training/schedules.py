"""How the learning rate goes: a share of its peak for every step, which depends on the step's number alone.

So a run that is taken up needs no saved schedule.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

Shape = Callable[[int, int, int], float]


def constant(step: int, warm_up: int, steps: int) -> float:
    """1."""
    return 1.0


def linear(step: int, warm_up: int, steps: int) -> float:
    """(T - t) / (T - w): in a straight line towards nothing, which the step after the last would have.

    >>> [linear(step, warm_up=0, steps=4) for step in range(4)]
    [1.0, 0.75, 0.5, 0.25]
    """
    return (steps - step) / (steps - warm_up)


def cosine(step: int, warm_up: int, steps: int) -> float:
    """(1 + cos(π (t - w) / (T - w))) / 2.

    Loshchilov & Hutter 2017, equation 5 without restarts, https://arxiv.org/abs/1608.03983
    """
    return (1 + math.cos(math.pi * (step - warm_up) / (steps - warm_up))) / 2


def inverse_square_root(step: int, warm_up: int, steps: int) -> float:
    """√(w / (t + 1)), w at least 1: falls on for ever.

    Vaswani et al. 2017, section 5.3, https://arxiv.org/abs/1706.03762; differs: 1 at the end of the warm-up.

    >>> [inverse_square_root(step, warm_up=1, steps=9) for step in (0, 3)]
    [1.0, 0.5]
    """
    return math.sqrt(max(warm_up, 1) / (step + 1))


@dataclass(frozen=True)
class Schedule:
    """`shape(step, warm_up, steps)` after the warm-up, steps numbered from 0."""

    shape: Shape
    ends: bool  # whether it depends on how many steps there will be: such a run cannot be made longer

    def share(self, step: int, warm_up: int, steps: int) -> float:
        """Of the peak at this step: (t + 1) / w for t < w, then the shape."""
        return (step + 1) / warm_up if step < warm_up else self.shape(step, warm_up, steps)


SCHEDULES: dict[str, Schedule] = {
    "constant": Schedule(constant, ends=False),
    "linear": Schedule(linear, ends=True),
    "cosine": Schedule(cosine, ends=True),
    "inverse_square_root": Schedule(inverse_square_root, ends=False),
}
