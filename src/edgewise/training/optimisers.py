"""How a gradient becomes a step: PyTorch's optimisers, with options by PyTorch's names."""

import inspect
from typing import Any

from torch.nn import Linear, Module
from torch.optim import SGD, Adam, AdamW, Optimizer

from edgewise.part import Part
from edgewise.training.config import TrainingConfig
from edgewise.training.decayed import DECAYED, learned

OPTIMISERS: dict[str, type[Optimizer]] = {"adam": Adam, "adamw": AdamW, "sgd": SGD}
GIVEN = ("params", "lr", "weight_decay")  # by the config's own fields


def optimiser_of(config: TrainingConfig, network: Module) -> Optimizer:
    """The optimiser that a config names, of the weights that learn; those that do not decay are a group of their own.

    >>> config = TrainingConfig(optimiser={"name": "sgd", "momentum": 0.9}, decayed="matrices")
    >>> groups = optimiser_of(config, Linear(3, 2)).param_groups
    >>> [(len(group["params"]), group["weight_decay"], group["momentum"]) for group in groups]
    [(1, 0.0005, 0.9), (1, 0.0, 0.9)]
    """
    part, weights = Part.of(config.optimiser), learned(network)
    if not weights:
        raise ValueError("training: no weight of the network learns; set requires_grad of those that are to")
    decayed = {id(weight) for weight in DECAYED[config.decayed](network)}
    groups: list[dict[str, Any]] = [
        {"params": [weight for weight in weights if id(weight) in decayed]},
        {"params": [weight for weight in weights if id(weight) not in decayed], "weight_decay": 0.0},
    ]
    if config.weight_decay and "weight_decay" not in inspect.signature(part.found(OPTIMISERS, "optimiser")).parameters:
        raise ValueError(f"training: optimiser {part.name!r} takes no weight_decay; set it to 0")
    groups = [group for group in groups if group["params"]]
    given = dict(zip(GIVEN, (groups, config.learning_rate, config.weight_decay), strict=True))
    try:
        made: Optimizer = part.build(OPTIMISERS, "optimiser", **given)
    except TypeError as error:
        raise ValueError(f"training: optimiser {part.name!r}: {error}") from error
    return made


def try_optimiser(config: TrainingConfig) -> Optimizer:
    """The same for a network of one layer, to see whether it can be made."""
    return optimiser_of(config, Linear(1, 1))
