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
    given = [(field, getattr(value, field.name)) for field in fields(value) if field.init]
    positional = [(field, item) for field, item in given if not field.kw_only]
    while positional and positional[-1][1] == default(positional[-1][0]):
        positional.pop()
    written = [repr(item) for _, item in positional]
    written += [f"{field.name}={item!r}" for field, item in given if field.kw_only and item != default(field)]
    return f"{name}({', '.join(written)})" if written else name


def default(field: "Field[Any]") -> Any:
    """What an argument is when nobody gives it; MISSING if it must be given."""
    return field.default if field.default_factory is MISSING else field.default_factory()
