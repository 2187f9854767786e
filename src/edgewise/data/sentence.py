"""A sentence as words with their heads: the syntax, the phrases and the mentions that graphs are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from edgewise.data.mentions import labels_of
from edgewise.names import nearest
from edgewise.patterns.door import integer
from edgewise.patterns.tree import circular


@dataclass(frozen=True)
class Sentence:
    """Words, each with the word that it depends on, and columns with what else is known of them.

        head(w) = heads[w],  -1 for a root      words count from 0, and their heads form a forest

    `spaces` says of each word whether a space follows it, `text` is how the sentence is written (a space between words,
    unless given); `id` and `document` are names. A column has a value for each word, None where there is none. `known`
    names what others of its file have besides: such a column is empty, and any other name is an error.

    >>> sentence = Sentence(("It", "was", "a", "good", "dog"), heads=(4, 4, 4, 4, -1))
    >>> sentence.text, sentence.spans(most=3)
    ('It was a good dog', [(0, 1), (1, 2), (2, 3), (3, 4)])
    """

    words: tuple[str, ...]
    heads: tuple[int, ...]
    spaces: tuple[bool, ...] = field(default=(), repr=False)
    text: str = ""
    id: str | None = None
    document: str | None = None
    columns: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict, hash=False, repr=False)
    known: frozenset[str] = field(default=frozenset(), repr=False)

    def __post_init__(self) -> None:
        count = len(self.words)
        if count == 0:
            raise ValueError("Sentence: expected at least one word, got none")
        if not self.spaces:
            object.__setattr__(self, "spaces", (True,) * (count - 1) + (False,))
        for name, values in {"heads": self.heads, "spaces": self.spaces, **self.columns}.items():
            if len(values) != count:
                raise ValueError(
                    f"Sentence: {name} must have an entry for each of the {count} words, got {len(values)}"
                )
        outside = next((w for w, head in enumerate(self.heads) if not -1 <= head < count), None)
        if outside is not None:
            raise ValueError(
                f"Sentence: the head of word {outside}, {self.words[outside]!r}, is {self.heads[outside]}; heads are "
                f"words, 0 to {count - 1}, or -1 for a root"
            )
        at = circular(torch.tensor(self.heads))
        if at is not None:
            raise ValueError(f"Sentence: word {at}, {self.words[at]!r}, is its own ancestor; a root's head is -1")
        if not self.text:
            written = (word + " " * space for word, space in zip(self.words, self.spaces, strict=True))
            object.__setattr__(self, "text", "".join(written).rstrip())

    def __len__(self) -> int:
        return len(self.words)

    @property
    def upos(self) -> tuple[str | None, ...]:
        """The part of speech of each word."""
        return self.column("upos")

    @property
    def deprels(self) -> tuple[str | None, ...]:
        """The relation of each word to its head."""
        return self.column("deprel")

    def column(self, name: str) -> tuple[str | None, ...]:
        """The values of a column, or of a key in the columns MISC or FEATS; None for a word that has none."""
        if name.lower() in self.columns:
            return self.columns[name.lower()]
        values: list[str | None] = [None] * len(self)
        for of_words in ("feats", "misc"):
            for word, text in enumerate(self.columns.get(of_words, ())):
                values[word] = pairs_of(text).get(name, values[word])
        names = {*self.known, *self.columns}
        if name not in names and not any(value is not None for value in values):
            raise ValueError(f"Sentence: unknown column {name!r}. {nearest(name, sorted(names))}")
        return tuple(values)

    def spans(self, most: int | None = None) -> list[tuple[int, int]]:
        """The words under each word, itself among them, where they stand together: much like constituents.

        Pairs [start, stop), in their order, of at most `most` words each.
        """
        if most is not None:
            integer("Sentence.spans", "most", most, 1, "It counts the words of the longest span.")
        children: list[list[int]] = [[] for _ in self.words]
        order: list[int] = []
        for word, head in enumerate(self.heads):
            (order if head < 0 else children[head]).append(word)
        for word in order:
            order += children[word]
        left, right, size = list(range(len(self))), list(range(1, len(self) + 1)), [1] * len(self)
        for word in reversed(order):
            head = self.heads[word]
            if head >= 0:
                left[head], right[head] = min(left[head], left[word]), max(right[head], right[word])
                size[head] += size[word]
        whole = (w for w in order if right[w] - left[w] == size[w] and (most is None or size[w] <= most))
        return sorted({(left[word], right[word]) for word in whole})

    def links(self, column: str) -> list[int]:
        """The label of each word by a column: a number for each value, or for each entity where it brackets mentions.

        -1 for a word that has none. A word in several mentions is of the one that opened last.

        >>> who = ("(e1)", None, "(e2(e1)", "e2)")
        >>> Sentence(("Ann", "saw", "her", "dog"), heads=(1, -1, 3, 1), columns={"who": who}).links("who")
        [0, -1, 0, 1]
        """
        return labels_of(self.column(column), f"{self.id or self.text[:40]!r}, column {column}")


def pairs_of(text: str | None) -> dict[str, str]:
    """What `Key=Value|Key=Value` holds; a key alone has an empty value."""
    parts = (part.partition("=") for part in text.split("|")) if text else ()
    return {key: value for key, _, value in parts}
