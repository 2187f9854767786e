"""Writing so that whoever reads, even after a crash, finds the old thing or the new one and never half of it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_text(file: Path, text: str) -> None:
    """Put `text` in `file`, whole or not at all."""
    write_bytes(file, text.encode())


def write_bytes(file: Path, contents: bytes) -> None:
    """Put `contents` in `file`, whole or not at all."""
    with new_file(file) as new:
        new.write_bytes(contents)


@contextmanager
def new_file(file: Path) -> Iterator[Path]:
    """A path to write to, of the same ending, which takes the place of `file` at the end; on an error it is gone."""
    new = _beside(file, "new")
    try:
        with named_file(file):
            yield new
            _sync(new)
            os.replace(new, file)
            _sync(file.parent)
    finally:
        new.unlink(missing_ok=True)


def check_free(file: Path, overwrite: bool) -> None:
    """Refuse a file that must not be, or cannot be, written."""
    if file.is_dir() or (file.exists() and not overwrite):
        raise FileExistsError(f"{file}: it is there already; --overwrite replaces it")
    if not file.parent.is_dir():
        raise FileNotFoundError(f"{file}: there is no folder {file.parent} to write it in")


@contextmanager
def named_file(file: Path) -> Iterator[None]:
    """Within, an error of a full disk says which file could not be written, which the system leaves out."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(file)
        raise


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to fill, which takes the place of `folder` at the end.

    A folder that holds files cannot be replaced in one step, so the old one first steps aside: `restore` brings it back
    if the end came between the two steps.
    """
    new, old = _beside(folder, "new"), _beside(folder, "old")
    restore(folder)
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    yield new
    for file in new.iterdir():
        _sync(file)
    _sync(new)
    if folder.exists():
        os.replace(folder, old)
    os.replace(new, folder)
    _sync(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def restore(folder: Path) -> None:
    """Undo what a write of `folder` that was cut off has left."""
    old = _beside(folder, "old")
    if old.exists() and not folder.exists():
        os.replace(old, folder)
    shutil.rmtree(old, ignore_errors=True)


def leftovers(path: Path) -> list[Path]:
    """Where a write of `path` that was cut off may have left something."""
    return [_beside(path, "new"), _beside(path, "old")]


def _beside(path: Path, role: str) -> Path:
    return path.with_name(f".{role}.{path.name}")


def _sync(path: Path) -> None:
    """Wait until the disk has it: otherwise a crash of the machine could keep the new name and lose the contents."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
