"""Text files as strings: UTF-8, or an error that says where it is not."""

from codecs import BOM_UTF8
from pathlib import Path


def read_utf8(file: Path) -> str:
    """What a file holds, without the mark that some programs begin UTF-8 with."""
    content = file.read_bytes().removeprefix(BOM_UTF8)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, byte = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1)
        raise ValueError(
            f"{file}, line {line}: expected UTF-8, got {content[error.start : error.start + 1]!r} at byte {byte} of "
            "the line; save the file in UTF-8"
        ) from error
