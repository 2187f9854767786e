"""What is told of a language model when it has been trained: per token, per character, per byte, per word."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from edgewise.data import Task


@dataclass(frozen=True)
class Figure:
    """shape(Σ x / n), x a column of what `Tokens.kept` keeps, n how many of a unit stand in the part.

    Per token a tokeniser has a part in it; per character, byte or word, figures of any two can be held against each
    other.
    """

    told: str  # what it is, in words
    unit: str  # "tokens", or a unit that the task counts
    shape: Callable[[float], float] = float
    column: int = 0  # 0: nats, -log p of the token that is there; 1: whether it was the likeliest
    percent: bool = False

    def of(self, task: Task, part: str, kept: Tensor) -> float | None:
        """The figure of a part; None where nobody has counted its unit."""
        count = len(kept) if self.unit == "tokens" else task.units.get(part, {}).get(self.unit)
        return self.shape(float(kept[:, self.column].double().sum()) / count) if count else None

    def written(self, value: float) -> str:
        """The value as people read it."""
        return f"{100 * value:.1f} %" if self.percent else f"{value:.4f}"


def in_bits(nats: float) -> float:
    """nats / log 2.

    >>> in_bits(math.log(8))
    3.0
    """
    return nats / math.log(2)


def exp(nats: float) -> float:
    """e^nats, infinite where it is too large for a number."""
    return math.exp(nats) if nats < 709 else math.inf


FIGURES: dict[str, Figure] = {
    "nats_per_token": Figure("nats per token: -log p of the one that is there, the mean", "tokens"),
    "perplexity_per_token": Figure("perplexity per token: exp of that", "tokens", exp),
    "token_accuracy": Figure("tokens that were thought the likeliest", "tokens", column=1, percent=True),
    "bits_per_character": Figure("bits per character", "characters", in_bits),
    "bits_per_byte": Figure("bits per byte of UTF-8", "bytes", in_bits),
    "perplexity_per_word": Figure("perplexity per word, which is what stands between spaces", "words", exp),
}
