"""CoNLL-U: a word a line, with the word that it depends on; treebanks of Universal Dependencies."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from edgewise.data.sentence import Sentence, pairs_of
from edgewise.extras import require
from edgewise.patterns.tree import circular

FIELDS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
COLUMNS = "# global.columns ="


class Line(NamedTuple):
    """One line of a file, and how messages name it."""

    where: str
    text: str


def read_conllu(file: str | Path) -> list[Sentence]:
    """The sentences of a CoNLL-U file, each with its basic tree.

    Words are the lines with a whole number; ranges of surface tokens (3-4) and empty nodes (8.1) are no words. The
    document is what `# newdoc id` says, or the line of a `# newdoc` without. Files of CoNLL-U Plus say their columns in
    `# global.columns`, ID, FORM and HEAD among them. Every column, and every key of FEATS and MISC, is a
    `sentence.column(name)`.

    Raises:
        ValueError: file, line, what was expected and what stands there, for bytes that are no UTF-8, a wrong number of
            columns, ids out of order, a head outside the sentence, words that depend on each other in a circle,
            comments without words, and a file without sentences.

    https://universaldependencies.org/format.html
    """
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(f"{file}: there is no such file")
    fields: tuple[str, ...] = FIELDS
    document = None
    found: list[dict[str, Any]] = []
    known: set[str] = set()
    for comments, rows in _stanzas(file):
        for line in comments:
            if line.text.startswith(COLUMNS):
                fields = _fields(line)
        if not rows:
            raise ValueError(
                f"{comments[0].where}: expected words after the comments, got none; leave the comments out"
            )
        said, tokens = _parsed(comments, rows, fields)
        if "newdoc id" in said or "newdoc" in said:
            document = said.get("newdoc id") or comments[0].where.rpartition(", ")[2]
        words = _words(rows, tokens)
        columns = {
            name: tuple(None if token[name] == "_" else token[name] for token in words)
            for name in fields
            if name not in ("id", "form", "head")
        }
        known.update(columns, *(pairs_of(text) for name in ("feats", "misc") for text in columns.get(name, ())))
        text, spaces = _written(tokens)
        found.append({
            "words": tuple(token["form"] for token in words),
            "heads": tuple(token["head"] - 1 for token in words),
            "spaces": spaces,
            "text": said.get("text") or text,
            "id": said.get("sent_id"),
            "document": document,
            "columns": columns,
        })  # fmt: skip
    if not found:
        raise ValueError(f"{file}, line 1: expected sentences in CoNLL-U, a word a line, got an empty file")
    return [Sentence(**sentence, known=frozenset(known)) for sentence in found]


def _stanzas(file: Path) -> Iterator[tuple[list[Line], list[Line]]]:
    """The comments and the words of each sentence; a blank line ends it."""
    data = file.read_bytes()
    try:
        lines = data.decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        at = data[: error.start].count(b"\n") + 1
        raise ValueError(f"{file}, line {at}: expected UTF-8, got {error.reason}; save the file in UTF-8") from error
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


def _fields(line: Line) -> tuple[str, ...]:
    fields = tuple(line.text.removeprefix(COLUMNS).lower().split())
    for name in ("id", "form", "head"):
        if name not in fields:
            raise ValueError(
                f"{line.where}: expected ID, FORM and HEAD among the columns, got {' '.join(fields).upper()}"
            )
    return fields


def _parsed(comments: list[Line], rows: list[Line], fields: Sequence[str]) -> tuple[Mapping[str, Any], list[Any]]:
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


def _words(rows: list[Line], tokens: list[Any]) -> list[Any]:
    """The lines that are words of the basic tree, refused where they form none."""
    words: list[Any] = []
    lines: list[Line] = []
    until, of_range = 0, None
    for line, token in zip(rows, tokens, strict=True):
        number = token["id"]
        first = number[0] if isinstance(number, tuple) else number
        expected = len(words) if isinstance(number, tuple) and number[1] == "." else len(words) + 1
        if first != expected:
            raise ValueError(
                f"{line.where}: expected ID {expected}, got {line.text.partition('	')[0]}; ids count 1, 2, 3"
            )
        if isinstance(number, int):
            words.append(token)
            lines.append(line)
        elif number[1] == "-":
            until, of_range = number[2], line
    if of_range is not None and until > len(words):
        raise ValueError(f"{of_range.where}: expected a range of words, 1 to {len(words)}, got one up to {until}")
    if not words:
        raise ValueError(f"{rows[0].where}: expected a sentence with words, got none with a whole number for ID")
    for line, token in zip(lines, words, strict=True):
        head = token["head"]
        if head is None or not 0 <= head <= len(words):
            raise ValueError(
                f"{line.where}: expected a HEAD from 0, the root, to {len(words)}, the last word, got "
                f"{'_' if head is None else head}"
            )
    heads = [token["head"] - 1 for token in words]
    at = circular(torch.tensor(heads))
    if at is not None:
        circle = [at + 1, heads[at] + 1]
        while circle[-1] != circle[0]:
            circle.append(heads[circle[-1] - 1] + 1)
        raise ValueError(
            f"{lines[at].where}: expected heads that lead to a root, got a circle: "
            f"{' -> '.join(map(str, circle))}; the HEAD of a root is 0"
        )
    return words


def _written(tokens: list[Any]) -> tuple[str, tuple[bool, ...]]:
    """A sentence as its surface tokens and `SpaceAfter=No` write it, and whether a space follows each word."""
    text = ""
    spaces: list[bool] = []
    behind = 0
    for token in tokens:
        first, kind, last = token["id"] if isinstance(token["id"], tuple) else (token["id"], "-", token["id"])
        if kind == "." or last <= behind:  # an empty node, or a word whose surface token has come
            continue
        space = pairs_of(token.get("misc")).get("SpaceAfter") != "No"
        text, behind = text + token["form"] + " " * space, last
        spaces += [False] * (last - first) + [space]
    return text.rstrip(), tuple(spaces)
