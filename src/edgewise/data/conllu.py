"""CoNLL-U: a word a line, with the word that it depends on; treebanks of Universal Dependencies."""

from pathlib import Path
from typing import Any

import torch

from edgewise.data.conllu_lines import FIELDS, Line, fields_of, parsed, stanzas
from edgewise.data.sentence import Sentence, pairs_of
from edgewise.patterns.tree import circular


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
    for comments, rows in stanzas(file):
        fields = fields_of(comments, fields)
        if not rows:
            raise ValueError(
                f"{comments[0].where}: expected words after the comments, got none; leave the comments out"
            )
        said, tokens = parsed(comments, rows, fields)
        for line in comments:
            if line.text.startswith("# newdoc"):
                document = said.get("newdoc id") or line.where.rpartition(", ")[2]
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
    names = frozenset(known)
    return [Sentence(**sentence, known=names) for sentence in found]


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
            said = line.text.split()[0]
            raise ValueError(f"{line.where}: expected ID {expected}, got {said}; ids count 1, 2, 3")
        if isinstance(number, int):
            words.append(token)
            lines.append(line)
        elif number[1] == "-":
            if first <= until:
                raise ValueError(f"{line.where}: expected a range of words behind {until}, got one from {first} on")
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
