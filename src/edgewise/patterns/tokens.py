"""The words of a pattern's text, and the error that points at one of them."""

import re
from typing import NamedTuple, NoReturn

TOKEN = re.compile(
    r"""\s*(?:
      (?P<name>[A-Za-z_]\w*(?:(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*)?)
    | (?P<number>(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    | (?P<sign>[|&~()=,-])
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.ASCII,
)


class Token(NamedTuple):
    """One word of the text and where it begins."""

    kind: str
    text: str
    column: int

    @property
    def shown(self) -> str:
        """The word as an error shows it."""
        return "the end" if self.kind == "end" else repr(self.text)


def tokens(text: str) -> list[Token]:
    """All words of the text; the last one is the end.

    >>> [token.text for token in tokens("causal & window(127, 0)")]
    ['causal', '&', 'window', '(', '127', ',', '0', ')', '']
    """
    found: list[Token] = []
    place = 0
    while not found or found[-1].kind != "end":
        match = TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            column = len(text) - len(text[place:].lstrip())
            fail(text, column, f"unexpected {text[column]!r}; a pattern is made of names, numbers and | & - ~ ( ) , =")
        found.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        place = match.end()
    return found


def fail(text: str, column: int, message: str) -> NoReturn:
    """Raise the error of the parser: what is wrong, the line of the text, and a caret under the column."""
    begin = text.rfind("\n", 0, column) + 1
    line = text[begin:].partition("\n")[0]
    # Tabs stay, so that the caret lands under its column however wide they are shown.
    indent = re.sub(r"[^\t]", " ", line[: column - begin])
    raise ValueError(f"pattern: {message}\n  {line}\n  {indent}^")
