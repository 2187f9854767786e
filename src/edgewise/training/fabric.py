"""Devices and precision are Lightning Fabric's: this is the one door to it."""

import inspect
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, zip_longest
from typing import Any, TypeVar

import torch
from torch.nn import Module
from torch.nn.parallel import DistributedDataParallel

from edgewise.extras import require
from edgewise.ranks import num_ranks_here
from edgewise.training.config import FINDS_UNUSED, TrainingConfig

T = TypeVar("T")


def make_fabric(config: TrainingConfig, *, devices: int = 1) -> Any:
    """A Fabric for one device, or so many. Importing Lightning takes seconds, so it waits for this call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports meet deprecations of newer PyTorch that are not ours to mend
        fabric = require("lightning.fabric", extra="train")
        options = {"devices": 1} if devices == 1 else _together(config, devices)
    try:
        return fabric.Fabric(accelerator=config.device, precision=config.precision, **options)
    except (fabric.utilities.exceptions.MisconfigurationException, RuntimeError, ValueError) as error:
        several = f"{devices} times " if devices > 1 else ""
        raise ValueError(
            f"training: {several}device {config.device!r} with precision {config.precision!r}: {error}"
        ) from error


@contextmanager
def joined(config: TrainingConfig) -> Iterator[Any]:
    """The Fabric that a network is trained by, in touch with those of the other processes where there are some."""
    fabric = make_fabric(config, devices=config.devices)
    before = logging.root.manager.disable
    logging.disable(logging.INFO)  # it would greet everybody
    try:
        fabric.launch()
    finally:
        logging.disable(before)
    yield fabric
    if config.devices > 1:
        leave()


def leave() -> None:
    """End being in touch; what is left to do, the first process does alone."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def gathered(fabric: Any, mine: T) -> list[T]:
    """What each process has brought here, by rank."""
    if fabric.world_size == 1:
        return [mine]
    found: list[Any] = [None] * fabric.world_size
    torch.distributed.all_gather_object(found, mine)
    return found


def in_turn(fabric: Any, mine: list[T]) -> list[T]:
    """What was dealt out to all processes one after the other, in its order again."""
    nothing = object()
    dealt = chain.from_iterable(zip_longest(*gathered(fabric, mine), fillvalue=nothing))
    return [each for each in dealt if each is not nothing]  # type: ignore[misc]


def align_buffers(fabric: Any, network: Module) -> None:
    """Give all processes the first one's buffers: each has had statistics of its own."""
    if fabric.world_size > 1:
        for buffer in network.buffers():
            torch.distributed.broadcast(buffer, 0)


def _together(config: TrainingConfig, devices: int) -> dict[str, Any]:
    """DDP, which takes the mean of the devices' gradients; the processes are started by somebody else."""
    here = min(num_ranks_here(), devices) if num_ranks_here() > 1 else devices
    known = inspect.signature(DistributedDataParallel).parameters
    syncs = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"  # before PyTorch 2.13
    strategy = require("lightning.fabric.strategies", extra="train").DDPStrategy(
        find_unused_parameters=config.strategy == FINDS_UNUSED,
        **{syncs: False},  # `align_buffers` does it once an epoch: a pass forward is one process's own affair
    )
    return {"devices": here, "num_nodes": devices // here, "strategy": strategy}
