"""Options from a file against the thing they are options of: which names it takes, of what type, with what defaults."""

import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_type_hints

from edgewise.extras import require
from edgewise.names import nearest


def check_options(
    factory: Callable[..., Any], given: Mapping[str, Any], where: str, offered: Iterable[str] = ()
) -> tuple[dict[str, Any], list[str]]:
    """The options of `factory`, defaults and given ones that pydantic finds fit, and a sentence for each mistake.

    `offered` are parameters that somebody else fills in. Defaults that TOML has no word for (None, objects) are
    left out.

    >>> def gat(in_dim: int, *, hidden: int = 8, dropout: float = 0.6): ...
    >>> check_options(gat, {"hidden": 16}, "[model]", offered=["in_dim"])
    ({'hidden': 16, 'dropout': 0.6}, [])
    >>> check_options(gat, {"hiden": 16}, "[model]", offered=["in_dim"])[1]
    ["[model] unknown key 'hiden'. Known: dropout, hidden. Did you mean 'hidden'?"]
    """
    parameters = inspect.signature(factory).parameters
    hints = _hints(factory)
    own = {name: parameter for name, parameter in parameters.items() if name not in set(offered)}
    catches_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in own.values())
    own = {name: p for name, p in own.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    options: dict[str, Any] = {}
    wrong: list[str] = []
    for name, parameter in own.items():
        if name in given:
            fitted, misfits = _fitted(given[name], hints.get(name, Any))
            if not misfits:
                options[name] = fitted
            wrong += [f"{where} {name} = {json.dumps(given[name], default=str)}: {misfit}" for misfit in misfits]
        elif parameter.default is parameter.empty:
            wrong.append(f"{where} needs {name!r}, which is not given; --set {where.strip('[]')}.{name}=... gives it")
        elif _can_be_written(parameter.default):
            options[name] = parameter.default
    for name, value in given.items():
        if name not in own and catches_all:
            options[name] = value
        elif name not in own:
            wrong.append(f"{where} unknown key {name!r}. {nearest(name, own)}")
    return options, wrong


def _hints(factory: Callable[..., Any]) -> dict[str, Any]:
    """The annotations as types; none where they name what is not there at run time."""
    plain_class = inspect.isclass(factory) and not hasattr(factory, "__dataclass_fields__")
    try:
        return get_type_hints(factory.__init__ if plain_class else factory, include_extras=True)
    except (NameError, TypeError):
        return {}


def _can_be_written(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_can_be_written(item) for item in value)
    return isinstance(value, (bool, int, float, str))


def _fitted(value: object, hint: Any) -> tuple[object, list[str]]:
    """The value as this type has it, and what pydantic finds wrong with it; a type it cannot check takes everything."""
    pydantic = require("pydantic", extra="cli")
    try:
        adapter = pydantic.TypeAdapter(hint)
    except pydantic.errors.PydanticUserError:
        return value, []
    try:
        # By way of JSON, strictly: there "8" is no number and true no 1, yet a list may become a tuple.
        fitted = adapter.validate_json(json.dumps(value, default=str), strict=True)
    except pydantic.ValidationError as error:
        return value, [str(detail["msg"]).replace("Input should be", "expected") for detail in error.errors()]
    return (fitted if _can_be_written(fitted) else value), []
