"""Texts out of a file: lines, or a column of a table."""

from dataclasses import dataclass
from pathlib import Path

from edgewise.data.table import Table
from edgewise.data.text_tables import TABLES, is_table, read_text_table
from edgewise.data.utf8 import read_utf8

ENDINGS = (".txt", ".md", *TABLES)


@dataclass(frozen=True)
class Texts:
    """Texts in the order of the file; `rows` are the numbers of their rows, from 0, and `labels` what stands beside."""

    file: Path
    texts: tuple[str, ...]
    rows: tuple[int, ...]
    labels: tuple[str, ...] | None = None


def read_texts(file: str | Path, *, column: str = "text", label: str = "", whole: bool = False) -> Texts:
    """The texts of a file, by its ending.

    .txt and .md: a line is a text, and lines that are empty are none; or the `whole` file is one. .csv, .tsv, .parquet
    and .jsonl, and a folder that `save_to_disk` of Hugging Face's `datasets` wrote: a row is a text, in `column`;
    `label` names a column that says something of each.

    Raises:
        FileNotFoundError, ValueError: no file, another ending, no such column, an empty cell or file, bytes that are
            no UTF-8 (line and byte), options that the file has no place for.
    """
    file = Path(file)
    if file.suffix not in ENDINGS and not is_table(file):
        raise ValueError(f"{file}: expected a file of texts that ends in {', '.join(ENDINGS)}")
    if not file.exists():
        raise FileNotFoundError(f"{file}: there is no such file")
    if file.suffix in (".txt", ".md"):
        if label or column != "text":
            raise ValueError(f"{file}: a text file has no columns; leave --column and --label out, or bring a table")
        found = _whole(file) if whole else _lines(file)
    else:
        found = _cells(file, column, label)
    if not found.texts:
        raise ValueError(f"{file}: there is no text in it")
    return found


def _whole(file: Path) -> Texts:
    text = read_utf8(file)
    return Texts(file, (text,) if text.strip() else (), (0,))


def _lines(file: Path) -> Texts:
    kept = [(row, line) for row, line in enumerate(read_utf8(file).splitlines()) if line.strip()]
    return Texts(file, tuple(line for _, line in kept), tuple(row for row, _ in kept))


def _cells(file: Path, column: str, label: str) -> Texts:
    table = read_text_table(file)
    texts = _full(table, column)
    return Texts(file, texts, tuple(range(len(texts))), _full(table, label) if label else None)


def _full(table: Table, column: str) -> tuple[str, ...]:
    cells = table.texts(column)
    empty = next((row for row, cell in enumerate(cells) if cell is None or not cell.strip()), None)
    if empty is not None:
        raise ValueError(f"{table.file}: column {column!r} is empty in row {empty}; leave the row out, or fill it")
    return tuple(str(cell) for cell in cells)
