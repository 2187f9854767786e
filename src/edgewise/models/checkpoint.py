"""A network in a folder: config.json says what it is, model.safetensors holds its numbers."""

import os
from pathlib import Path
from typing import Any

from torch import nn

from edgewise.extras import require
from edgewise.models.config import NetworkConfig
from edgewise.models.tied import tied_names

CONFIG, WEIGHTS = "config.json", "model.safetensors"


def save_network(network: Any, folder: Path) -> None:
    """Each file appears whole or not at all, the config last: a folder with a config is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    safetensors = require("safetensors.torch", extra="train")
    unique = {name: x.detach().contiguous() for name, x in _unshared(network).items()}
    _replace(folder / WEIGHTS, safetensors.save(unique, metadata={"format": "pt"}))
    _replace(folder / CONFIG, network.config.to_json().encode())


def load_network(kind: Any, folder: Path) -> Any:
    """Read a folder that `save_network` wrote."""
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"Network.load: {folder} has no {name}; expected a folder written by Network.save")
    safetensors = require("safetensors", extra="train")
    torch_part = require("safetensors.torch", extra="train")
    try:
        config = NetworkConfig.from_json((folder / CONFIG).read_text())
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"Network.load: {folder / CONFIG} is not a network's config: {error}") from error
    try:
        weights = torch_part.load_file(folder / WEIGHTS)
    except safetensors.SafetensorError as error:
        raise ValueError(
            f"Network.load: {folder / WEIGHTS} is damaged or cut short ({error}); save the network again"
        ) from error
    network = kind(config)
    wanted = _unshared(network)
    missing, unknown = sorted(set(wanted) - set(weights)), sorted(set(weights) - set(wanted))
    differ = [name for name in wanted if name in weights and wanted[name].shape != weights[name].shape]
    if missing or unknown or differ:
        told = [
            f"{what} {', '.join(names[:5])}{' …' if len(names) > 5 else ''}"
            for what, names in (("missing", missing), ("unknown", unknown), ("of another shape", differ))
            if names
        ]
        raise ValueError(
            f"Network.load: {folder / WEIGHTS} belongs to another architecture than {CONFIG}: {'; '.join(told)}"
        )
    network.load_state_dict(weights)
    return network


def _unshared(network: nn.Module) -> dict[str, Any]:
    """The state, a tensor that has two names (tied weights) under its first."""
    further = tied_names(network)
    return {name: x for name, x in network.state_dict().items() if name not in further}


def _replace(path: Path, content: bytes) -> None:
    """Write beside, then rename: a reader sees the old file or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
