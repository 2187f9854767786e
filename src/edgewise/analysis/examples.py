"""What a model of texts is looked at with: a file as batches of tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgewise.analysis.quality import Batch
from edgewise.data.texts import read_texts
from edgewise.pretrained.open_model import Opened
from edgewise.pretrained.text_batches import longest, text_batches

USUAL = 512
"""Tokens at once, where nobody says."""


@dataclass(frozen=True)
class Examples:
    """Batches as the model takes them; a label for each example where the file has them; `cut` were too long."""

    batches: Sequence[Batch]
    labels: tuple[str, ...] | None
    count: int
    num_tokens: int
    length: int
    cut: int = 0
    left_out: int = 0

    @property
    def told(self) -> str:
        """How much of the file that is."""
        said = f"{self.count:,} examples, {self.num_tokens:,} tokens"
        said += f", {self.cut:,} of them ended after {self.length:,} tokens" if self.cut else ""
        return said + (f", {self.left_out:,} more left out (--examples)" if self.left_out else "")


def read_examples(
    opened: Opened, file: Path, column: str = "text", label: str = "", *, length: int | None, most: int, size: int
) -> Examples:
    """The texts of a file: of a model that decodes all their tokens, in pieces; of another what fits, a text each."""
    length = length_of(opened, length)
    read = read_texts(file, column=column, label=label, whole=opened.decodes and file.suffix in (".txt", ".md"))
    # A text has at least one piece, so that there are never more than `most` texts to read.
    texts = read.texts if opened.decodes else read.texts[:most]
    found = text_batches(opened.tokenizer, texts, length=length, size=size, pieces=opened.decodes, most=most)
    if not found.batches:
        raise ValueError(f"{file}: its texts have a token each, and none is left to be said; bring longer ones")
    total = found.total if opened.decodes else len(read.texts)
    labels = None if read.labels is None else read.labels[:most]
    return Examples(
        found.batches, labels, len(found.text), found.num_tokens, length, found.cut, total - len(found.text)
    )


def length_of(opened: Opened, length: int | None) -> int:
    """Tokens at once; more than the model has positions for are refused."""
    most = longest(opened)
    if length is not None and most is not None and length > most:
        raise ValueError(f"--length: {opened.source} takes {most} tokens at most, got {length}")
    return min(most or USUAL, USUAL) if length is None else length
