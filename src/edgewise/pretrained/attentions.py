"""The attentions of a transformers model that go through its attention interface, and which of them are meant."""

import inspect
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from edgewise.extras import require

Layers = int | str | Iterable[int | str] | None


def attentions(model: nn.Module) -> dict[str, nn.Module]:
    """The attentions of a model that go through the attention interface, by path."""
    return {path: module for path, module in model.named_modules() if _by_interface(type(module))}


def _by_interface(family: type[nn.Module]) -> bool:
    """Whether the forward of a module asks the interface for its attention function."""
    code = getattr(inspect.unwrap(family.forward), "__code__", None)
    return code is not None and "get_interface" in code.co_names


def chosen_attentions(model: nn.Module, layers: Layers) -> dict[str, nn.Module]:
    """The attentions that `layers` names."""
    chosen = _chosen(model, layers)
    for path, module in chosen.items():
        if "merged_attention_mask" in inspect.signature(module.forward).parameters:
            raise ValueError(
                f"rewire: {path} ({type(module).__name__}) hears its own sequence and another in one attention, which "
                "no pattern tells apart; layers= names those to rewire"
            )
    return chosen


def _chosen(model: nn.Module, layers: Layers) -> dict[str, nn.Module]:
    found = attentions(model)
    if not found:
        raise ValueError(
            f"rewire: {type(model).__name__} computes attention by its own code and not through the attention "
            "interface of transformers, so that its graph cannot be changed"
        )
    if layers is None:
        chosen = _of_text(model, found)
        _refuse_others(model, chosen)
        return chosen
    wanted = [layers] if isinstance(layers, int | str) else list(layers)
    if not wanted:
        raise ValueError("rewire: layers= names no layer; leave it out for all of them")
    for one in wanted:
        if not any(_named(one, path) for path in found):
            numbers = sorted({number for path in found for number in _numbers(path)})
            raise ValueError(
                f"rewire: no attention of {type(model).__name__} is in layer {one!r}. Known: "
                f"{', '.join(map(str, numbers))}; paths such as {next(iter(found))!r}"
            )
    return {path: module for path, module in found.items() if any(_named(one, path) for one in wanted)}


def _named(one: int | str, path: str) -> bool:
    if isinstance(one, int):
        return one in _numbers(path)
    return path == one or path.startswith(one + ".") or fnmatchcase(path, one)


def _numbers(path: str) -> list[int]:
    """The number of the layer that a path leads through: `encoder.layers.3.attn` is in layer 3."""
    return [int(part) for part in path.split(".") if part.isdigit()][:1]


def _of_text(model: Any, found: dict[str, nn.Module]) -> dict[str, nn.Module]:
    """The attentions that belong to text, where a model has others as well."""
    ways: list[dict[str, bool]] = [{"decoder": True}, {"encoder": True}, {}]
    configs = [model.config.get_text_config(**way) for way in ways]
    texts = {type(config) for one in configs for config in (one, one.get_text_config())}
    of_text = {path: m for path, m in found.items() if type(getattr(m, "config", None)) in texts}
    reads_text = "input_ids" in inspect.signature(model.forward).parameters
    if not of_text and reads_text:
        raise ValueError(
            f"rewire: no attention of {type(model).__name__} that goes through the attention interface is of its text: "
            f"{', '.join(list(found)[:3])}; layers= names those to rewire, if these are meant"
        )
    return of_text or found


def _refuse_others(model: nn.Module, chosen: dict[str, nn.Module]) -> None:
    """Refuse attentions beside the chosen ones that do not go through the interface, and would hear as before."""
    transformers = require("transformers", extra="text")
    bodies = {_body(model, path, transformers.PreTrainedModel) for path in chosen}
    through = list(attentions(model))
    for path, module in model.named_modules():
        name = type(module).__name__
        if not name.endswith(("Attention", "Attn")) or _body(model, path, transformers.PreTrainedModel) not in bodies:
            continue
        related = any(path == own or own.startswith(path + ".") or path.startswith(own + ".") for own in through)
        if not related and any(True for _ in module.parameters()):
            raise ValueError(
                f"rewire: {path} ({name}) of {type(model).__name__} does not go through the attention interface and "
                "would hear as before; layers= names those to rewire, if that is meant"
            )


def _body(model: nn.Module, path: str, family: type) -> str:
    """The innermost model that a module is in."""
    parts = path.split(".")
    above = (".".join(parts[:n]) for n in range(len(parts), -1, -1))
    return next(one for one in above if one == "" or isinstance(model.get_submodule(one), family))
