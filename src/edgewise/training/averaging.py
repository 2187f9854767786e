"""Which weights stand for a network where it is judged and kept: a mean of those that it had.

Training goes on from its newest weights; validation, test and best/ are of the mean. Running statistics (batch norm)
are no weights: they are the newest.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim.swa_utils import get_ema_multi_avg_fn

from edgewise.part import Part
from edgewise.training.config import TrainingConfig

Weights = dict[str, Tensor]  # those that learn, by name


class Averaging:
    """Which weights are kept, for the mean of them to stand for the network. One of your own has one of the methods."""

    def after_step(self, kept: list[Weights], network: Module) -> list[Weights]:
        """What is kept after a step, given what was."""
        return kept

    def after_epoch(self, kept: list[Weights], network: Module) -> list[Weights]:
        """What is kept after an epoch, before it is judged."""
        return kept


class Newest(Averaging):
    """Nothing is kept: the newest weights stand for themselves."""


@dataclass(frozen=True)
class ExponentialMean(Averaging):
    """a_1 = w_1, a_t = decay · a_(t-1) + (1 - decay) w_t: w_t the weights after step t.

    Polyak & Juditsky 1992, https://doi.org/10.1137/0330046, is the mean of all; forgetting is as in Tarvainen & Valpola
    2017, https://arxiv.org/abs/1703.01780. Computed by `torch.optim.swa_utils`.
    """

    decay: float = 0.999  # share of the mean that a step leaves, from 0 to below 1: it looks 1 / (1 - decay) steps back

    def __post_init__(self) -> None:
        if not 0 <= self.decay < 1:
            raise ValueError(f"averaging: decay must be at least 0 and below 1, got {self.decay}")

    def after_step(self, kept: list[Weights], network: Module) -> list[Weights]:
        newest = _learned(network)
        if not kept:
            return [{name: weight.detach().clone() for name, weight in newest.items()}]
        mean = {name: kept[0][name].to(weight.device) for name, weight in newest.items()}
        get_ema_multi_avg_fn(self.decay)(list(mean.values()), list(newest.values()), 0)
        return [mean]


@dataclass(frozen=True)
class LastEpochs(Averaging):
    """(1/k) Σ_e w_e over the last k = min(count, epochs so far) epochs, w_e the weights at the end of each.

    Checkpoint averaging, Vaswani et al. 2017, section 6.1, https://arxiv.org/abs/1706.03762, where count = 5 and 20.
    """

    count: int = 5  # epochs, at least 1; as many copies of the weights are kept, in last/ too

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"averaging: count must be at least 1 epoch, got {self.count}")

    def after_epoch(self, kept: list[Weights], network: Module) -> list[Weights]:
        newest = {name: weight.detach().cpu().clone() for name, weight in _learned(network).items()}
        return [*kept, newest][-self.count :]


AVERAGINGS: dict[str, type[Averaging]] = {"ema": ExponentialMean, "last": LastEpochs}


def averaging_of(config: TrainingConfig) -> Averaging:
    """The averaging that a config names; `Newest` where it names none."""
    averaging: Averaging = Part.of(config.averaging).build(AVERAGINGS, "averaging") if config.averaging else Newest()
    return averaging


@contextmanager
def averaged(network: Module, kept: Sequence[Weights]) -> Iterator[None]:
    """Have `network` hold the mean of what is kept for a while; without any, its own weights."""
    own = {name: weight.detach().clone() for name, weight in _learned(network).items()} if kept else {}
    if kept:
        _put(network, {name: torch.stack([weights[name] for weights in kept]).mean(dim=0) for name in own})
    try:
        yield
    finally:
        _put(network, own)


def _learned(network: Module) -> Weights:
    return {name: weight for name, weight in network.named_parameters() if weight.requires_grad}


@torch.no_grad()
def _put(network: Module, weights: Weights) -> None:
    own = dict(network.named_parameters())
    for name, weight in weights.items():
        own[name].copy_(weight)
