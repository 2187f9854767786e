"""One option of a recipe, changed from outside: `training.epochs=10`."""

import tomllib
from collections.abc import Sequence
from typing import Any

from edgewise.names import nearest


def put(tables: dict[str, Any], change: str, known: Sequence[str]) -> str | None:
    """Set `table.key=value` in `tables`, and say what is wrong, if anything.

    The value is read as TOML, and taken as a string where it is none.

    >>> tables = {"training": {"epochs": 1000}}
    >>> put(tables, "training.epochs=10", known=["training"])
    >>> put(tables, "training.device=cpu", known=["training"])
    >>> tables
    {'training': {'epochs': 10, 'device': 'cpu'}}
    >>> put(tables, "epochs=10", known=["training"])
    'epochs=10: expected table.key=value, such as training.epochs=10'
    """
    path, equals, written = change.partition("=")
    table, dot, key = path.strip().partition(".")
    if not (equals and dot and table and key):
        return f"{change}: expected table.key=value, such as training.epochs=10"
    if table not in known:
        return f"{change}: unknown table [{table}]. {nearest(table, known)}"
    try:
        value = tomllib.loads(f"value = {written}")["value"]
    except tomllib.TOMLDecodeError:
        value = written.strip()
    *parents, last = key.split(".")
    target = tables.setdefault(table, {})
    for parent in parents:
        if not isinstance(target, dict):
            break
        target = target.setdefault(parent, {})
    if not isinstance(target, dict):
        return f"{change}: {path.strip().rpartition('.')[0]} is no table, so it has no keys"
    target[last] = value
    return None
