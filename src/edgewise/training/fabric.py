"""Devices and precision are Lightning Fabric's: this is the one door to it."""

import warnings
from typing import Any

from edgewise.extras import require
from edgewise.training.config import TrainingConfig


def make_fabric(config: TrainingConfig) -> Any:
    """A Fabric for one device, as the config asks. Importing Lightning takes seconds, so it waits for this call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports meet deprecations of newer PyTorch that are not ours to mend
        fabric = require("lightning.fabric", extra="train")
    try:
        return fabric.Fabric(accelerator=config.device, devices=1, precision=config.precision)
    except (fabric.utilities.exceptions.MisconfigurationException, RuntimeError, ValueError) as error:
        raise ValueError(f"training: device {config.device!r} with precision {config.precision!r}: {error}") from error
