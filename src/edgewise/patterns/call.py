"""A leaf of a pattern's text: a name and the arguments in parentheses, none if there are none."""

from dataclasses import MISSING, Field, fields
from typing import Any


def text_of_call(value: Any) -> str:
    """The shortest text that the parser reads back to the same value: `window(127, 0)`, `ring`, `blocks(4)`.

    A class of this room is written by name, any other by its import path, `package.module:Class(...)`.
    """
    family = type(value)
    ours = family.__module__.rpartition(".")[0] == __package__
    name = family.__name__ if ours else f"{family.__module__}:{family.__qualname__}"
    arguments = [(field, getattr(value, field.name)) for field in fields(value) if field.init]
    while arguments and arguments[-1][1] == default(arguments[-1][0]):
        arguments.pop()
    written = [f"{field.name}={item!r}" if field.kw_only else repr(item) for field, item in arguments]
    return f"{name}({', '.join(written)})" if written else name


def default(field: "Field[Any]") -> Any:
    """What an argument is when nobody gives it; MISSING if it must be given."""
    return field.default if field.default_factory is MISSING else field.default_factory()
