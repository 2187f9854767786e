"""The lines of a CoNLL-U file, sentence by sentence, and what is broken in them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from edgewise.data.utf8 import read_utf8
from edgewise.extras import require

FIELDS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
COLUMNS = "# global.columns ="


class Line(NamedTuple):
    """One line of a file, and how messages name it."""

    where: str
    text: str


def stanzas(file: Path) -> Iterator[tuple[list[Line], list[Line]]]:
    """The comments and the words of each sentence; a blank line ends it."""
    lines = read_utf8(file).replace("\r\n", "\n").split("\n")
    comments: list[Line] = []
    rows: list[Line] = []
    for number, text in enumerate([*lines, ""], start=1):
        line = Line(f"{file}, line {number}", text)
        if not text.strip():
            if comments or rows:
                yield comments, rows
            comments, rows = [], []
        elif text.startswith("#") and not rows:
            comments.append(line)
        else:
            rows.append(line)


def fields_of(comments: Sequence[Line], fields: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that the comments name, or as before."""
    for line in comments:
        if line.text.startswith(COLUMNS):
            fields = tuple(line.text.removeprefix(COLUMNS).lower().split())
            if not {"id", "form", "head"} <= set(fields):
                raise ValueError(
                    f"{line.where}: expected ID, FORM and HEAD among the columns, got {' '.join(fields).upper()}"
                )
    return fields


def parsed(comments: list[Line], rows: list[Line], fields: Sequence[str]) -> tuple[Mapping[str, Any], list[Any]]:
    """What the comments say, and the fields of each line."""
    package = require("conllu", extra="text")
    # All but numbers as they stand: the package cuts values short at a second "=".
    raw = {name: lambda cells, k: cells[k] for name in fields if name not in ("id", "head")}
    for line in rows:
        _check_columns(line, fields)
    try:
        text = "\n".join(line.text for line in (*comments, *rows))
        found = package.parse_token_and_metadata(text, fields, raw)
    except package.exceptions.ParseException:
        for line in rows:
            try:
                package.parse_token_and_metadata(line.text, fields, raw)
            except package.exceptions.ParseException as error:
                raise ValueError(
                    f"{line.where}: expected whole numbers for ID and HEAD (ranges such as 3-4 and empty nodes such as "
                    f"8.1 for ID too), got {line.text!r}: {error}"
                ) from error
        raise
    return found.metadata, list(found)


def _check_columns(line: Line, fields: Sequence[str]) -> None:
    cells = line.text.split("\t")
    if len(cells) != len(fields):
        raise ValueError(
            f"{line.where}: expected {len(fields)} columns with a tab between them, got {len(cells)}: {line.text!r}"
        )
    for name, cell in zip(fields, cells, strict=True):
        if cell != cell.strip() or not cell or "  " in cell:
            raise ValueError(
                f"{line.where}: expected a value for {name.upper()}, with no space around it nor two in a row, got "
                f"{cell!r}; an empty value is written _"
            )
