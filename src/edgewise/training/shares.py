"""How the steps of a run are split over its devices."""

from dataclasses import replace

from torch.nn import Module

from edgewise.data import Task
from edgewise.data.share import Share
from edgewise.ranks import num_ranks
from edgewise.training.config import FINDS_UNUSED, TrainingConfig


class NoGradient(ValueError):
    """A weight has no part in a step's loss, and the strategy waits for its gradient."""


def check_gradients(network: Module, config: TrainingConfig) -> None:
    """After a step backward: refuse a weight without a gradient where DDP would wait for it."""
    if config.devices == 1 or config.strategy == FINDS_UNUSED:
        return
    for name, weight in network.named_parameters():
        if weight.requires_grad and weight.grad is None:
            raise NoGradient(
                f"training: the weight {name!r} has no part in a step's loss, and devices wait for each other's"
                f" gradient of it; set strategy = {FINDS_UNUSED!r}, or devices = 1"
            )


def as_started(config: TrainingConfig) -> TrainingConfig:
    """The config with as many devices as processes have been started, by torchrun, if they have been."""
    if num_ranks() == 1 or config.devices == num_ranks():
        return config
    if config.devices > 1:
        raise ValueError(
            f"training: devices is {config.devices}, but torchrun has started {num_ranks()} processes; leave devices"
            " out, it is then counted"
        )
    return replace(config, devices=num_ranks())


def shared(task: Task, config: TrainingConfig, rank: int = 0) -> Task:
    """The task whose training steps are those of one of the config's devices."""
    if config.devices == 1:
        return task
    share = task.shared(Share(rank, config.devices))
    fewest = len(task.train) // task.num_batches("train", config.batch_size)
    if fewest < config.devices:
        raise ValueError(
            f"training: devices is {config.devices}, but a step may be of only {fewest} {task.example}s; raise"
            " batch_size, or take fewer devices"
        )
    return share
