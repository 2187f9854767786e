"""A name on its way to becoming an object: find it, or say which names are known and which is nearest."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

Value = TypeVar("Value")


def lookup(name: str, known: Mapping[str, Value], what: str) -> Value:
    """`known[name]`, or one clear error.

    >>> lookup("sum", {"sum": 1, "mean": 2}, "aggregator")
    1
    >>> lookup("men", {"sum": 1, "mean": 2}, "aggregator")
    Traceback (most recent call last):
    ValueError: unknown aggregator 'men'. Known: mean, sum. Did you mean 'mean'?
    """
    if name in known:
        return known[name]
    raise ValueError(f"unknown {what} {name!r}. {nearest(name, known)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """The sentence that helps after a wrong name: the known ones, sorted, and the nearest if one is near.

    >>> nearest("wndow", ["window", "causal"])
    "Known: causal, window. Did you mean 'window'?"
    """
    names = sorted(known)
    listed = f"Known: {', '.join(names) if names else 'none'}."
    close = get_close_matches(name, names, n=1)
    return f"{listed} Did you mean {close[0]!r}?" if close else listed
