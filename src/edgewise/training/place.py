"""Where a training run stands: all that the next epoch depends on, besides weights and optimiser."""

from dataclasses import dataclass, field

from torch import Tensor
from torch.nn import Module

from edgewise.training.config import TrainingConfig


@dataclass
class Place:
    """`epoch` epochs are done; the best of them was `best_epoch`, and these are its weights.

    The streams of random numbers are no part of it: each epoch sets its own (`chance.py`).
    """

    epoch: int = 0
    seconds: float = 0.0  # in training and validation, all sittings together
    energy: float | None = 0.0  # joules in the same time; None where some of it could not be read
    memory: int = 0  # bytes, the most that the processes have held in any sitting
    device_memory: int = 0  # bytes, the same of accelerators
    best_epoch: int = 0  # 0: none yet
    best: tuple[float, float] = (0.0, 0.0)  # what is watched, then what breaks a tie; larger is better
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    kept: list[dict[str, Tensor]] = field(default_factory=list)  # weights whose mean is judged; none: the newest are

    def note(self, network: Module, watched: tuple[float, float]) -> bool:
        """Remember the network if it is the best so far, and say whether it is."""
        if self.best_epoch and watched <= self.best:
            return False
        self.best, self.best_epoch = watched, self.epoch
        self.best_weights = {name: weight.detach().cpu().clone() for name, weight in network.state_dict().items()}
        return True

    def stopped_early(self, config: TrainingConfig) -> bool:
        return bool(config.patience) and self.epoch - self.best_epoch >= config.patience

    def finished(self, config: TrainingConfig) -> bool:
        return self.epoch >= config.epochs or self.stopped_early(config)
