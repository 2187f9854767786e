"""Where first weights come from: the best of another run, all but its head's. What was pretrained is fine-tuned."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn import Module

from edgewise.models import Network, NetworkConfig
from edgewise.models.tied import tied_names
from edgewise.training import checkpoint

HEAD = "head."  # how the weights are called that answer what this run asks, and no other
# Of a network's config, what may be other than where its weights come from.
FREE = ("head", "dropout", "input_dropout", "layer_dropout", "patterns")


def start_from(network: Module, run: Path) -> None:
    """Give `network` the best weights of the run in a folder, every one that is not its head's.

    The two bodies must be the same, weight by weight; a `Network`'s config too, but for dropout and patterns.
    """
    if not run.is_dir():
        raise FileNotFoundError(f"training: start is {run}, and there is no such run folder")
    same = tied_names(network)
    found = {same.get(name, name): weight for name, weight in checkpoint.best_weights(run).items()}
    found = {name: weight for name, weight in found.items() if not name.startswith(HEAD)}
    config = run / checkpoint.BEST / "config.json"
    told = [*_unlike(network, found)]
    if isinstance(network, Network) and config.is_file():
        there = NetworkConfig.from_json(config.read_text(encoding="utf-8"))  # with what it does not say at its default
        mine, theirs = (json.loads(each.to_json()) for each in (network.config, there))
        told = [*_differences(mine, theirs), *told]
    if told or not found:
        listed = "".join(f"\n  {line}" for line in told[:8]) + (f"\n  and {len(told) - 8} more" if told[8:] else "")
        raise checkpoint.CheckpointError(
            f"training: start is {run}, whose weights are of another network; only the head may be another (here,"
            f" there):{listed or ' none of them is outside the head'}"
        )
    network.load_state_dict(found, strict=False)


def body(network: Module) -> dict[str, Tensor]:
    """Weights and statistics by name, without the head's; a tensor that has two names under its first."""
    further = tied_names(network)
    return {
        name: weight
        for name, weight in network.state_dict().items()
        if name not in further and not name.startswith(HEAD)
    }


def head(network: Module) -> list[str]:
    """The names of the weights that begin as they are drawn, wherever the others come from."""
    further = tied_names(network)
    return [name for name in network.state_dict() if name not in further and name.startswith(HEAD)]


def _unlike(network: Module, found: dict[str, Tensor]) -> Iterator[str]:
    """Each weight that is not of one shape in both."""
    own = {name: list(weight.shape) for name, weight in body(network).items()}
    there = {name: list(weight.shape) for name, weight in found.items()}
    for name in sorted(own.keys() | there.keys()):
        if own.get(name) != there.get(name):
            yield f"{name}: {own.get(name, 'none')}, {there.get(name, 'none')}"


def _differences(mine: Any, theirs: Any, where: str = "") -> Iterator[str]:
    """Each option that is not the same in two configs."""
    pairs: list[tuple[Any, Any, Any]]
    if isinstance(mine, dict) and isinstance(theirs, dict):
        names = [*mine, *(name for name in theirs if name not in mine)]
        pairs = [(name, mine.get(name), theirs.get(name)) for name in names if name not in FREE]
    elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        pairs = [(k, *both) for k, both in enumerate(zip(mine, theirs, strict=True))]
    else:
        if isinstance(mine, list) and isinstance(theirs, list):
            mine, theirs = f"{len(mine)} of them", f"{len(theirs)}"
        if mine != theirs:
            yield f"{where}: {mine}, {theirs}"
        return
    for name, one, other in pairs:
        yield from _differences(one, other, f"{where}.{name}" if where else f"{name}")
