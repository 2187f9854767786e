"""A part of a model, chosen by name, with its options: how a config says "this score" or "that aggregator"."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from edgewise.names import lookup, nearest


@dataclass(frozen=True)
class Part:
    """A name out of a registry (or an import path, `package.module:Class`) and the options it is built with.

    In TOML a part is a string, `score = "dot"`, or a table, `score = {name = "gaussian", coordinates = 2}`.

    >>> Part.of("dot")
    Part('dot')
    >>> Part.of({"name": "gaussian", "coordinates": 2})
    Part('gaussian', coordinates=2)
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", {name: _plain(value) for name, value in self.options.items()})

    @classmethod
    def of(cls, value: "str | Part | Mapping[str, Any]") -> "Part":
        """Read a part as people write it: a name, a table with a `name`, or a Part already."""
        if isinstance(value, Part):
            return value
        if isinstance(value, str):
            return cls(value)
        options = dict(value)
        if not isinstance(options.get("name"), str):
            raise ValueError(f"part: expected a table with a 'name', got {dict(value)!r}; write {{name = \"dot\"}}")
        return cls(options.pop("name"), options)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """How pydantic, where a config is read, makes a part of a table with a name."""
        schema = import_module("pydantic_core.core_schema")
        return schema.no_info_after_validator_function(cls.of, schema.dict_schema(schema.str_schema()))

    def build(self, known: Mapping[str, Any], what: str, **context: Any) -> Any:
        """`known[name](**context, **options)`; a name with a colon is imported instead.

        `context` is what the builder offers (widths, heads); a factory takes what it names of it. An option that
        the factory does not name is an error that lists the ones it does.
        """
        factory = self.found(known, what)
        parameters = _parameters(factory)
        catches_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        own = [name for name in parameters if name not in context]
        for option in self.options:
            if option in context or (option not in own and not catches_all):
                raise ValueError(f"{what} {self.name!r}: unknown option {option!r}. {nearest(option, own)}")
        offered = {name: value for name, value in context.items() if catches_all or name in parameters}
        missing = [
            name
            for name in own
            if parameters[name].default is inspect.Parameter.empty
            and parameters[name].kind not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
            and name not in self.options
        ]
        if missing:
            raise ValueError(f"{what} {self.name!r}: needs the option {missing[0]!r}, which is not given")
        return factory(**offered, **self.options)

    def found(self, known: Mapping[str, Any], what: str) -> Any:
        """What the name stands for, not yet built."""
        if ":" not in self.name:
            return lookup(self.name, known, what)
        factory = imported(self.name, what)
        if not callable(factory):
            raise TypeError(f"{what} {self.name!r}: expected a class or a function, got {type(factory).__name__}")
        return factory

    def as_table(self) -> dict[str, Any]:
        """The table that `Part.of` reads back."""
        return {"name": self.name, **self.options}

    def __repr__(self) -> str:
        written = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"Part({self.name!r}{written})"

    def __hash__(self) -> int:
        return hash((self.name, repr(sorted(self.options.items()))))


def _plain(value: Any) -> Any:
    """An option as TOML and JSON give it back, but lists as tuples: so a part that was written and read is equal."""
    if isinstance(value, Part):
        return value.as_table()
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value


def _parameters(factory: Any) -> Mapping[str, inspect.Parameter]:
    """What a factory takes; nothing, for a class that inherits a constructor of *args and **kwargs alone."""
    parameters = inspect.signature(factory).parameters
    variadic = all(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters.values())
    return {} if inspect.isclass(factory) and variadic else parameters


def imported(path: str, what: str) -> Any:
    """The object at `package.module:Name`.

    >>> imported("math:floor", "function")(1.5)
    1
    """
    module_name, _, attribute = path.partition(":")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(f"{what} {path!r}: there is no module {error.name!r} to import") from error
    if not hasattr(module, attribute):
        raise ValueError(
            f"{what} {path!r}: module {module_name!r} has no {attribute!r}. {nearest(attribute, vars(module))}"
        )
    return getattr(module, attribute)
