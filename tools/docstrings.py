"""What the site makes of docstrings: examples are code, and the comment behind a field is its description."""

import re
from typing import Any

import griffe


class Docstrings(griffe.Extension):
    """Changes docstrings as griffe reads them."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called once for each module, class, function and attribute."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)
        elif isinstance(obj, griffe.Attribute) and isinstance(obj.parent, griffe.Class) and obj.lineno is not None:
            told = comment(obj.source)
            obj.docstring = griffe.Docstring(told, parent=obj) if told else None


def fenced(docstring: str) -> str:
    """The docstring with every example in a block of code, which Markdown would take for a quote.

    An example begins at `>>>` and ends at the next empty line.
    """
    lines: list[str] = []
    inside = False
    for line in docstring.split("\n"):
        if line.startswith(">>>") and not inside:
            inside = True
            lines.append("```pycon")
        if inside and not line.strip():
            inside = False
            lines.append("```")
        lines.append(line)
    return "\n".join([*lines, "```"] if inside else lines)


def comment(source: str) -> str:
    """The comment that ends a line, as a sentence; empty where there is none."""
    found = re.search(r"  # (?!noqa|fmt|type)(.+)$", source)
    return found[1][0].upper() + found[1][1:] + "." if found else ""
