"""The sentences of a document as one, so that what they have in common is heard across them."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from edgewise.data.sentence import Sentence


def documents(sentences: Iterable[Sentence]) -> list[Sentence]:
    """Neighbouring sentences of one document as one sentence, with as many roots; those of no document stay alone.

    >>> one = Sentence(("Ann", "left"), (1, -1), document="a", columns={"who": ("ann", None)})
    >>> two = Sentence(("She", "slept"), (1, -1), document="a", columns={"who": ("ann", None)})
    >>> (both,) = documents([one, two])
    >>> both.text, both.heads, both.links("who")
    ('Ann left She slept', (1, -1, 3, -1), [0, -1, 0, -1])
    """
    found: list[Sentence] = []
    for name, group in groupby(sentences, key=lambda sentence: sentence.document):
        together = list(group)
        found += together if name is None else [joined(together)]
    return found


def joined(sentences: Sequence[Sentence]) -> Sentence:
    """One sentence of the words of several, each word with its head."""
    if not sentences:
        raise ValueError("joined: expected at least one sentence, got none")
    if len(sentences) == 1:
        return sentences[0]
    heads: list[int] = []
    for sentence in sentences:
        heads += [head + len(heads) if head >= 0 else -1 for head in sentence.heads]
    names = dict.fromkeys(name for sentence in sentences for name in sentence.columns)
    empty = {len(sentence): (None,) * len(sentence) for sentence in sentences}
    return Sentence(
        words=tuple(word for sentence in sentences for word in sentence.words),
        heads=tuple(heads),
        # A space follows each sentence, as one does in its text here.
        spaces=tuple(space for sentence in sentences for space in (*sentence.spaces[:-1], True)),
        text=" ".join(sentence.text for sentence in sentences),
        id=sentences[0].id,
        document=sentences[0].document,
        columns={
            name: tuple(v for sentence in sentences for v in sentence.columns.get(name, empty[len(sentence)]))
            for name in names
        },
        known=frozenset().union(*(sentence.known for sentence in sentences)),
    )
