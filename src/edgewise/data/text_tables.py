"""Tables of texts: files of rows, and data sets as Hugging Face's `datasets` saves them."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from edgewise.data.table import Table
from edgewise.data.utf8 import read_utf8
from edgewise.extras import require

TABLES = (".csv", ".tsv", ".parquet", ".jsonl")


def is_table(place: Path) -> bool:
    """Whether it is a file of rows by its ending, or a folder that `Dataset.save_to_disk` wrote."""
    return place.suffix in TABLES or (place / "state.json").is_file()


def read_text_table(place: Path, columns: Sequence[str] = ()) -> Table:
    """The rows of a file by its ending, or of a saved data set; `columns` name those of a file without a header.

    .csv quotes cells that hold commas or new lines; .tsv quotes nothing, a cell ends at a tab; .jsonl is an object a
    line. A saved data set's numbers of classes are read as the names of the classes.
    """
    if not place.exists():
        raise FileNotFoundError(f"{place}: there is no such file")
    if columns and place.suffix not in (".csv", ".tsv"):
        raise ValueError(
            f"{place}: columns name those of a .csv or .tsv without a header; this has names, leave it out"
        )
    if place.suffix in (".csv", ".tsv"):
        read_utf8(place)  # whose error says the line and the byte
        tabs = place.suffix == ".tsv"
        return Table.read(place, "\t" if tabs else ",", names=columns, quoted=not tabs)
    readers: dict[str, Callable[[Path], Table]] = {".parquet": Table.read, ".jsonl": _json}
    return readers.get(place.suffix, _saved)(place)


def _json(file: Path) -> Table:
    json, arrow = require("pyarrow.json", extra="graph"), require("pyarrow", extra="graph")
    read_utf8(file)
    try:
        return Table(file, json.read_json(file))
    except arrow.ArrowInvalid as error:
        raise ValueError(f"{file}: cannot be read as JSON, an object a line: {error}") from error


def _saved(folder: Path) -> Table:
    datasets = require("datasets", extra="datasets")
    try:
        found = datasets.load_from_disk(str(folder))
    except (OSError, ValueError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{folder}: cannot be read as a data set that save_to_disk wrote: {error}") from error
    columns = {name: found[name][:] for name in found.column_names}
    for name, feature in found.features.items():
        if isinstance(feature, datasets.ClassLabel):
            columns[name] = [None if n is None or n < 0 else feature.int2str(n) for n in columns[name]]
    return Table.of(str(folder), columns)
