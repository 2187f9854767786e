"""From text to pattern: read as Python would read it, and never run.

    union        = intersection , { "|" , intersection } ;
    intersection = difference , { "&" , difference } ;
    difference   = complement , { "-" , complement } ;
    complement   = "~" , complement | "(" , union , ")" | call ;
    call         = name , [ "(" , [ argument , { "," , argument } ] , ")" ] ;
    argument     = [ identifier , "=" ] , value ;
    value        = [ "-" ] , number | string | "True" | "False" | "None" ;
    name         = identifier | identifier , { "." , identifier } , ":" , identifier ;

Spaces may stand between any two of these. A plain name is looked up in `PATTERNS`; one with a colon is the import path
of a pattern of one's own, `package.module:Class`. A name without parentheses is a call without arguments.
"""

import inspect
from ast import literal_eval
from collections.abc import Mapping
from typing import Any, NoReturn

from edgewise.names import nearest
from edgewise.part import imported
from edgewise.patterns.expression import Complement, Difference, Intersection, Pair, Union
from edgewise.patterns.pattern import Pattern
from edgewise.patterns.tokens import Token, fail, tokens

# From the loosest to the tightest.
PAIRS: tuple[type[Pair], ...] = (Union, Intersection, Difference)
WORDS = {"True": True, "False": False, "None": None}


def parse(text: str) -> Pattern:
    """The pattern that a text names; `parse(str(pattern)) == pattern`.

    >>> parse("causal & window(127, 0) | hubs(0)")
    causal() & window(before=127, after=0) | hubs(0)
    >>> parse("causal & wndow(127, 0)")
    Traceback (most recent call last):
    ValueError: pattern: unknown name 'wndow'. Known: blocks, causal, ..., window. Did you mean 'window'?
      causal & wndow(127, 0)
               ^
    """
    if not isinstance(text, str):
        raise TypeError(f"parse: expected a pattern's text, got {text!r}")
    return Reader(text).whole()


class Reader:
    """A text and a place in it; a method for each rule of the grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.place = 0

    @property
    def next(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.place]

    def take(self) -> Token:
        """The token that comes next, and step over it."""
        token = self.next
        self.place += token.kind != "end"
        return token

    def takes(self, sign: str) -> bool:
        """Whether that sign comes next; if so, step over it."""
        found = self.next.kind == "sign" and self.next.text == sign
        self.place += found
        return found

    def fail(self, token: Token, message: str) -> NoReturn:
        """Raise the one error of the parser, with a caret under the token."""
        fail(self.text, token.column, message)

    def expected(self, what: str) -> NoReturn:
        """Say what should have come next."""
        self.fail(self.next, f"expected {what}, got {self.next.shown}")

    def whole(self) -> Pattern:
        """The text from its beginning to its end."""
        pattern = self.pair(0)
        if self.next.kind != "end":
            self.expected("one of | & - or the end")
        return pattern

    def pair(self, level: int) -> Pattern:
        """union, intersection and difference: parts of the next level with this level's sign between them."""
        if level == len(PAIRS):
            return self.complement()
        kind = PAIRS[level]
        pattern = self.pair(level + 1)
        while self.takes(kind.sign):
            pattern = kind(pattern, self.pair(level + 1))
        return pattern

    def complement(self) -> Pattern:
        """complement: one operand with everything that stands before it."""
        if self.takes("~"):
            return Complement(self.complement())
        if self.takes("("):
            pattern = self.pair(0)
            if not self.takes(")"):
                self.expected(") or one of | & -")
            return pattern
        if self.next.kind != "name":
            self.expected("a pattern's name, ~ or (")
        return self.call()

    def call(self) -> Pattern:
        """call: a name, and the arguments if there are any."""
        name = self.take()
        family = self.family(name)
        positional: list[Any] = []
        named: dict[str, Any] = {}
        if self.takes("(") and not self.takes(")"):
            self.argument(name, family, positional, named)
            while self.takes(","):
                self.argument(name, family, positional, named)
            if not self.takes(")"):
                self.expected(", or )")
        try:
            inspect.signature(family).bind(*positional, **named)
        except TypeError as error:
            self.fail(name, f"{name.text}({', '.join(inspect.signature(family).parameters)}): {error}")
        try:
            return family(*positional, **named)
        except (TypeError, ValueError) as error:
            self.fail(name, str(error))

    def family(self, name: Token) -> type[Pattern]:
        """The class that a name stands for."""
        # The face of the room holds the dict and re-exports this parser.
        from edgewise.patterns import PATTERNS

        if ":" not in name.text:
            if name.text not in PATTERNS:
                self.fail(name, f"unknown name {name.text!r}. {nearest(name.text, PATTERNS)}")
            return PATTERNS[name.text]
        try:
            family = imported(name.text, "pattern")
        except ValueError as error:
            self.fail(name, str(error).removeprefix("pattern "))
        if not (isinstance(family, type) and issubclass(family, Pattern)):
            self.fail(name, f"{name.text!r} is no Pattern but {family!r}")
        return family

    def argument(self, name: Token, family: type[Pattern], positional: list[Any], named: dict[str, Any]) -> None:
        """argument: a value, or a name and a value."""
        keyword = self.next
        if keyword.kind != "name" or keyword.text in WORDS:
            if named:
                self.fail(keyword, f"{name.text}: a positional argument after a keyword argument; write its name too")
            positional.append(self.value())
            return
        self.take()
        if not self.takes("="):
            self.fail(keyword, f"expected a number or name=number, got {keyword.shown}")
        parameters: Mapping[str, inspect.Parameter] = inspect.signature(family).parameters
        if keyword.text not in parameters:
            self.fail(keyword, f"{name.text}: unknown argument {keyword.text!r}. {nearest(keyword.text, parameters)}")
        if keyword.text in named:
            self.fail(keyword, f"{name.text}: {keyword.text} is given twice")
        named[keyword.text] = self.value()

    def value(self) -> Any:
        """value: a number, a string, or one of three words."""
        minus = self.takes("-")
        token = self.next
        is_word = token.text in WORDS
        if token.kind != "number" and (minus or not (is_word or token.kind == "string")):
            self.expected("a number")
        self.take()
        if is_word:
            return WORDS[token.text]
        try:
            value = literal_eval(token.text)
        except (SyntaxError, ValueError) as error:
            self.fail(token, f"cannot read {token.text}: {error}")
        return -value if minus else value
