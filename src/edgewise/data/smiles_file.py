"""Molecules a line: SMILES files, without a header."""

from pathlib import Path

from edgewise.data.table import Table

ENDINGS = (".smi", ".txt")


def read_smiles(file: Path, column: str) -> Table:
    """The first word of each line, in the column of this name; what a line says besides is not read."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: this is no text in UTF-8, a molecule a line: {error}") from error
    if not lines:
        raise ValueError(f"{file}: it is empty; expected a molecule a line")
    return Table.of(str(file), {column: [next(iter(line.split()), None) for line in lines]})
