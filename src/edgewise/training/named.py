"""A value by its name, or by the place it can be imported from."""

from collections.abc import Mapping
from typing import Any

from edgewise.names import lookup
from edgewise.part import imported


def named(name: str, known: Mapping[str, Any], what: str) -> Any:
    """`known[name]`, or what stands at `package.module:name`.

    >>> named("math:floor", {}, "objective")(1.5)
    1
    """
    return imported(name, what) if ":" in name else lookup(name, known, what)
