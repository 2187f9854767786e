"""A network in a folder: config.json says what it is, model.safetensors holds its numbers."""

import os
from collections.abc import Callable, Mapping
from functools import partial, reduce
from pathlib import Path

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from edgewise.extras import require
from edgewise.models.config import NetworkConfig
from edgewise.models.tied import tied_names

CONFIG, WEIGHTS = "config.json", "model.safetensors"
AnyTensor = Shaped[Tensor, "..."]


def write(network: nn.Module, config: NetworkConfig, folder: Path) -> None:
    """Each file appears whole or not at all, the config last: a folder with a config is complete."""
    safetensors = require("safetensors.torch", extra="train")
    text = config.to_json()
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {name: x.contiguous() for name, x in _unshared(network).items()}
    _replace(folder / WEIGHTS, partial(safetensors.save_file, numbers, metadata={"format": "pt"}))
    _replace(folder / CONFIG, lambda path: path.write_text(text))


def read(folder: Path) -> tuple[NetworkConfig, dict[str, AnyTensor]]:
    """What `write` wrote."""
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"Network.load: {folder} has no {name}; expected a folder written by Network.save")
    try:
        config = NetworkConfig.from_json((folder / CONFIG).read_text())
    except ValueError as error:
        raise ValueError(f"Network.load: {folder / CONFIG} is not a network's config: {error}") from error
    safetensors = require("safetensors", extra="train")
    try:
        weights = require("safetensors.torch", extra="train").load_file(folder / WEIGHTS)
    except safetensors.SafetensorError as error:
        raise ValueError(
            f"Network.load: {folder / WEIGHTS} is damaged or cut short ({error}); save the network again"
        ) from error
    return config, weights


def fill(network: nn.Module, weights: Mapping[str, AnyTensor], folder: Path) -> None:
    """Give a network the numbers of a folder, in the widest of their dtypes."""
    wanted = _unshared(network)
    told = [
        f"{what} {', '.join(names[:5])}{' …' if len(names) > 5 else ''}"
        for what, names in (
            ("missing", sorted(set(wanted) - set(weights))),
            ("unknown", sorted(set(weights) - set(wanted))),
            ("of another shape", [n for n, x in wanted.items() if n in weights and x.shape != weights[n].shape]),
        )
        if names
    ]
    if told:
        raise ValueError(
            f"Network.load: {folder / WEIGHTS} belongs to another architecture than {CONFIG}: {'; '.join(told)}"
        )
    dtypes = [x.dtype for x in weights.values() if x.is_floating_point()]
    if dtypes:
        network.to(reduce(torch.promote_types, dtypes))
    network.load_state_dict(dict(weights))


def _unshared(network: nn.Module) -> dict[str, AnyTensor]:
    """The state, a tensor that has two names (tied weights) under its first."""
    further = tied_names(network)
    return {name: x for name, x in network.state_dict().items() if name not in further}


def _replace(path: Path, write_to: Callable[[Path], object]) -> None:
    """Write beside, then rename: a reader sees the old file or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write_to(beside)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
