"""What a rewired model hears, as its config.json keeps it, and back."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from edgewise.patterns import Pattern
from edgewise.pretrained.wires import Wire

if TYPE_CHECKING:
    from edgewise.pretrained.rewiring import Told

KEY = "edgewise"
"""The key of the config."""

NOTE = "this model was rewired by edgewise; transformers alone runs the original graph"
"""The name of a tensor beside the weights: transformers reads it out when it loads them by itself."""


def kept(model: Any, attentions: Mapping[str, "Told"]) -> list[dict[str, Any]]:
    """What attentions hear, in text; an entry for all that hear alike, with the arguments that `rewire` takes.

        [{"layers": ["layers.0.self_attn", ...], "pattern": "window(3, 0)"}, ...]

    `layers` are paths within the base model; `pattern`, and `cross` where given, are text or [[heads, text], ...].

    Raises:
        ValueError: an attention hears a Graph, or one pattern an example.
    """
    alike: dict[str, dict[str, Any]] = {}
    for path, told in attentions.items():
        hears = {"pattern": _text(path, told.wires)} | ({"cross": _text(path, told.cross)} if told.cross else {})
        alike.setdefault(str(hears), {"layers": [], **hears})["layers"].append(path.removeprefix(_prefix(model)))
    return list(alike.values())


def _text(path: str, wires: Iterable[Wire]) -> str | list[Any]:
    found: list[Any] = []
    for wire in wires:
        if not isinstance(wire.heard, Pattern):
            raise ValueError(
                f"rewire: {path} hears a Graph, or one pattern an example, which no config can keep; give rewire a "
                "pattern, or restore(model) before it is saved"
            )
        if wire.heads is None:
            return str(wire.heard)
        found.append([list(wire.heads), str(wire.heard)])
    return found


def calls(model: Any) -> list[dict[str, Any]]:
    """The arguments of `rewire`, call by call, for what the config of a model keeps.

    Raises:
        ValueError: its config keeps nothing, or nothing that can be read.
    """
    entries = getattr(model.config, KEY, None)
    if entries is None:
        raise ValueError(
            f"rewire: no pattern was given, and the config of {type(model).__name__} keeps none; that of a model saved "
            "while it was rewired does"
        )
    try:
        return [
            {name: _wires(told) for name, told in entry.items() if name != "layers"}
            | {"layers": [_prefix(model) + path for path in entry["layers"]]}
            for entry in entries
        ]
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise ValueError(
            f"rewire: {KEY!r} in the config of {type(model).__name__} cannot be read ({type(error).__name__}: {error});"
            ' expected [{"layers": [paths], "pattern": "text"}, ...]'
        ) from error


def _wires(told: Any) -> Any:
    return told if isinstance(told, str) else [(heads, text) for heads, text in told]


def _prefix(model: Any) -> str:
    """What paths begin with where a model is its base model and a head."""
    return "" if model.base_model is model else f"{model.base_model_prefix}."
