"""A place in training, on disk: two safetensors files, numbers in JSON, no pickle.

    last/  model.safetensors     the weights after the last epoch (and config.json: `Network.load` reads the folder)
           training.safetensors  the optimiser's tensors, the best epoch's weights, and those kept for averaging
           state.json            epoch, seconds, best epoch and score, the optimiser's and the precision's numbers
    best/  model.safetensors     the weights of the best epoch (and config.json)
           state.json            epoch and score

Both are replaced whole (`atomic.py`). All that resuming needs is in last/, so nothing can be half new.
"""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from edgewise.extras import require
from edgewise.models import Network
from edgewise.models.tied import tied_names
from edgewise.training.atomic import new_folder, restore
from edgewise.training.place import Place

BEST, LAST = "best", "last"
_WEIGHTS, _TENSORS, _NUMBERS = "model.safetensors", "training.safetensors", "state.json"
_FORMAT = 1


class CheckpointError(ValueError):
    """A checkpoint that cannot be gone on from, or not be written."""


def save(run: Path, place: Place, network: Module, optimiser: Optimizer, precision: dict[str, Any]) -> None:
    """Write best/ and last/ in the run folder `run`. `precision`: what the precision plugin wants kept."""
    tensors = {f"best.{name}": weight for name, weight in place.best_weights.items()}
    tensors |= {f"kept.{k}.{name}": x for k, weights in enumerate(place.kept) for name, x in weights.items()}
    numbers: dict[str, dict[str, Any]] = {}
    for index, slots in optimiser.state_dict()["state"].items():
        for name, value in slots.items():
            if isinstance(value, Tensor):
                tensors[f"optimiser.{index}.{name}"] = value
            else:
                numbers.setdefault(str(index), {})[name] = value
    state = {
        "format": _FORMAT,
        "epoch": place.epoch,
        "seconds": place.seconds,
        "energy": place.energy,
        "memory": place.memory,
        "device_memory": place.device_memory,
        "best_epoch": place.best_epoch,
        "best": list(place.best),
        "optimiser": {"groups": optimiser.state_dict()["param_groups"], "numbers": numbers},
        "precision": precision,
    }
    try:
        _write(run, place, network, tensors, state)
    except (OSError, _safetensor_error()) as error:
        raise CheckpointError(
            f"{run}: the checkpoint could not be written ({error}); the one before stands. Make room, then --resume"
            " goes on from there"
        ) from error


def _write(run: Path, place: Place, network: Module, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    with new_folder(run / LAST) as folder:
        _save_network(network, folder)
        _safetensors().save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / _TENSORS)
        (folder / _NUMBERS).write_text(json.dumps(state, indent=1), encoding="utf-8")
    current = {name: weight.clone() for name, weight in network.state_dict().items()}
    network.load_state_dict(place.best_weights)
    try:
        with new_folder(run / BEST) as folder:
            _save_network(network, folder)
            best = {"format": _FORMAT, "epoch": place.best_epoch, "best": list(place.best)}
            (folder / _NUMBERS).write_text(json.dumps(best, indent=1), encoding="utf-8")
    finally:
        network.load_state_dict(current)


def load(run: Path, network: Module, optimiser: Optimizer) -> tuple[Place, dict[str, Any]]:
    """The place in last/, with `network` and `optimiser` set to it, and what the precision plugin had kept.

    A run that was cut off before its first write starts at the beginning.
    """
    folder = run / LAST
    restore(folder)
    if not folder.exists():
        return Place(), {}
    state, tensors = _read(folder)
    _load_network(network, folder)
    slots: dict[int, dict[str, Any]] = {
        int(index): dict(values) for index, values in state["optimiser"]["numbers"].items()
    }
    for name, tensor in tensors.items():
        if name.startswith("optimiser."):
            _, index, slot = name.split(".", 2)
            slots.setdefault(int(index), {})[slot] = tensor
    kept: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("kept."):
            _, index, weight = name.split(".", 2)
            kept.setdefault(int(index), {})[weight] = tensor
    groups = [
        {k: tuple(v) if isinstance(v, list) and k != "params" else v for k, v in group.items()}  # JSON has no tuples
        for group in state["optimiser"]["groups"]
    ]
    optimiser.load_state_dict({"state": slots, "param_groups": groups})
    place = Place(
        epoch=state["epoch"],
        seconds=state["seconds"],
        energy=state.get("energy"),  # states written before there was such a total do not know it
        memory=state.get("memory", 0),
        device_memory=state.get("device_memory", 0),
        best_epoch=state["best_epoch"],
        best=(state["best"][0], state["best"][1]),
        best_weights={name[5:]: tensor for name, tensor in tensors.items() if name.startswith("best.")},
        kept=[kept[index] for index in sorted(kept)],
    )
    return place, state["precision"]


def load_best(run: Path, network: Module) -> int:
    """Give `network` the weights in best/, and say which epoch they are of."""
    folder = _best(run)
    state = _state(folder)
    try:
        if isinstance(network, Network) and Network.load(folder).config != network.config:
            raise CheckpointError(
                f"{folder}: its config.json is of another network than the recipe's; a run's recipe and its weights"
                " belong together"
            )
    except (FileNotFoundError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{folder}: the checkpoint is damaged ({error})") from error
    _load_network(network, folder)
    epoch: int = state["epoch"]
    return epoch


def best_network(run: Path) -> Network:
    """The network in best/, as its own config there says: neither the recipe nor the data are asked."""
    folder = _best(run)
    try:
        return Network.load(folder)
    except (FileNotFoundError, ValueError) as error:
        raise CheckpointError(f"{folder}: there is no network that can be read: {error}") from error


def best_weights(run: Path) -> dict[str, Tensor]:
    """The weights in best/, by name, for whatever network."""
    folder = _best(run)
    try:
        weights: dict[str, Tensor] = _safetensors().load_file(folder / _WEIGHTS)
    except _damage() as error:
        raise CheckpointError(f"{folder}: the checkpoint is damaged ({error})") from error
    return weights


def _best(run: Path) -> Path:
    folder = run / BEST
    restore(folder)
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: there is no checkpoint; edgewise train --resume goes on with the run")
    return folder


def _save_network(network: Module, folder: Path) -> None:
    if isinstance(network, Network):
        network.save(folder)
    else:
        _safetensors().save_model(network, str(folder / _WEIGHTS))


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    state = _state(folder)
    try:
        return state, _safetensors().load_file(folder / _TENSORS)
    except _damage() as error:
        raise CheckpointError(f"{folder}: the checkpoint is damaged ({error}); --overwrite starts again") from error


def _state(folder: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads((folder / _NUMBERS).read_text(encoding="utf-8"))
    except _damage() as error:
        raise CheckpointError(f"{folder}: the checkpoint is damaged ({error}); --overwrite starts again") from error
    if state["format"] != _FORMAT:
        raise CheckpointError(f"{folder}: expected a checkpoint of format {_FORMAT}, got {state['format']}")
    return state


def _load_network(network: Module, folder: Path) -> None:
    try:
        missing, unexpected = _safetensors().load_model(network, folder / _WEIGHTS, strict=False)
    except _damage() as error:
        raise CheckpointError(f"{folder}: the checkpoint is damaged ({error}); --overwrite starts again") from error
    except RuntimeError as error:
        raise CheckpointError(f"{folder}: these are weights of another model: {error}") from error
    further = tied_names(network)  # which are loaded with the first name of their tensor
    unexpected = [name for name in unexpected if name not in further]
    if missing or unexpected:
        raise CheckpointError(
            f"{folder}: these are weights of another model: {_first(missing)} missing, {_first(unexpected)} too many"
        )


def _damage() -> tuple[type[Exception], ...]:
    return _safetensor_error(), json.JSONDecodeError, OSError


def _safetensor_error() -> type[Exception]:
    """What the writer raises where the disk is full, too, instead of an OSError."""
    error: type[Exception] = require("safetensors", extra="train").SafetensorError
    return error


def _safetensors() -> Any:
    return require("safetensors.torch", extra="train")


def _first(names: Collection[str]) -> str:
    return f"{len(names)} weights (first: {sorted(names)[0]!r})" if names else "none"
