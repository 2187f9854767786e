"""Numbers as people list them, and read them."""

import re


def numbers(text: str, option: str) -> list[int]:
    """Numbers and ranges of them, both ends included.

    >>> numbers("0-2,5", "--layers")
    [0, 1, 2, 5]
    """
    found: list[int] = []
    for part in text.replace(" ", "").split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise ValueError(f"{option}: expected numbers and ranges such as 0-5,7, got {text!r}")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return found


def size(count: int | float) -> str:
    """Bytes, in the unit that people would take.

    >>> size(831), size(3_140_000)
    ('831 B', '3.1 MB')
    """
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
