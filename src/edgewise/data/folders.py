"""Where a data set's files are, or which one is missing."""

from collections.abc import Sequence
from pathlib import Path


def file_in(folder: str | Path, patterns: Sequence[str], where: str) -> Path:
    """The one file in the folder whose name fits a pattern, the first pattern that any fits."""
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{where}: there is no folder {folder}; data.folder names the one that holds the files")
    for pattern in patterns:
        found = sorted(file for file in folder.glob(pattern) if file.is_file())
        if len(found) > 1:
            names = ", ".join(file.name for file in found)
            raise ValueError(
                f"{where}: expected one {pattern} in {folder}, found {names}; say in the recipe which it is"
            )
        if found:
            return found[0]
    raise FileNotFoundError(f"{where}: there is no {' or '.join(patterns)} in {folder}")
