"""A column that says which words speak of the same: labels as they stand, or brackets around mentions."""

import re
from collections.abc import Sequence

# "(e1-person" opens a mention of e1, "e1)" closes it, "(e1)" is one word; "[1/2]" counts the parts of a broken one.
PIECE = re.compile(r"\((?P<opened>[^()]+)(?P<alone>\))?|(?P<closed>[^()]+)\)")
PART = re.compile(r"\[\d+/\d+\]$")


def labels_of(values: Sequence[str | None], where: str) -> list[int]:
    """A number for each word, by first appearance; -1 where it speaks of nothing.

    A column without brackets has a label a word. One with brackets has mentions as CorefUD writes them: `(e1` where one
    begins, `e1)` where it ends, `(e1)` around a word, any of these after another; the name goes up to the first `-`. A
    word in several mentions is of the one that opened last.

    >>> labels_of(["a", None, "b", "a"], "it")
    [0, -1, 1, 0]
    >>> labels_of(["(e1-person-1-", "(e2)", "e1)", None, "(e2)"], "it")
    [0, 1, 0, -1, 1]

    CorefUD 1.0, Nedoluzhko et al. 2022, https://aclanthology.org/2022.lrec-1.520
    """
    bracketed = any(value is not None and ("(" in value or ")" in value) for value in values)
    names = _of_brackets(values, where) if bracketed else values
    number: dict[str, int] = {}
    return [-1 if name is None else number.setdefault(name, len(number)) for name in names]


def _of_brackets(values: Sequence[str | None], where: str) -> list[str | None]:
    names: list[str | None] = []
    open_: list[tuple[str, int]] = []  # the mentions that the word is in, and the word that opened each
    for word, value in enumerate(values):
        closed = []
        place = 0
        while value is not None and place < len(value):
            piece = PIECE.match(value, place)
            if piece is None:
                raise ValueError(
                    f"{where}: expected mentions as in (e1, e1) or (e1), got {value!r} at word {word}; a column of "
                    "plain labels has no brackets"
                )
            place = piece.end()
            name = PART.sub("", (piece["opened"] or piece["closed"]).partition("-")[0])
            if piece["opened"]:
                open_.append((name, word))
            if piece["closed"] or piece["alone"]:
                closed.append(name)
        names.append(open_[-1][0] if open_ else None)
        for name in closed:
            at = next((k for k in reversed(range(len(open_))) if open_[k][0] == name), None)
            if at is None:
                raise ValueError(f"{where}: {value!r} at word {word} closes a mention of {name} that none opened")
            del open_[at]
    if open_:
        raise ValueError(f"{where}: the mention of {open_[-1][0]} that opens at word {open_[-1][1]} is never closed")
    return names
