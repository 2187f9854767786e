"""Fields of a config that hold one of a few words."""

from typing import Any, Literal, get_args, get_origin, get_type_hints

from edgewise.names import lookup


def check_choices(config: Any) -> None:
    """Refuse a word that the `Literal` of a dataclass's field does not list.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Sides:
    ...     side: Literal["left", "right"]
    >>> check_choices(Sides("lft"))
    Traceback (most recent call last):
    ValueError: unknown Sides.side 'lft'. Known: left, right. Did you mean 'left'?
    """
    for name, kind in get_type_hints(type(config)).items():
        if get_origin(kind) is Literal:
            lookup(str(getattr(config, name)), dict.fromkeys(get_args(kind)), f"{type(config).__name__}.{name}")
