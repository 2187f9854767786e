"""What a model of texts is looked at with: a file as batches of tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgewise.analysis.quality import Batch
from edgewise.data.conllu import read_conllu
from edgewise.data.sentence_batch import sentence_batch
from edgewise.data.texts import read_texts
from edgewise.pretrained.open_model import Opened
from edgewise.pretrained.rewiring import Rewiring
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
        ended = f" ({self.cut:,} of them ended after {self.length:,} tokens)" if self.cut else ""
        said = f"{self.count:,} examples{ended}, {self.num_tokens:,} tokens"
        return said + (f", {self.left_out:,} more left out (--examples)" if self.left_out else "")


def read_examples(
    opened: Opened,
    file: Path,
    column: str = "text",
    label: str = "",
    *,
    spans: int | None = None,
    links: str | None = None,
    length: int | None,
    most: int,
    size: int,
) -> Examples:
    """The texts of a file: of a model that decodes all their tokens, in pieces; of another what fits, a text each.

    A .conllu file has a sentence an example, with what the patterns of the rewired model need: its tree, its `spans` of
    so many words at most (8 unless told), and `links` by that column.
    """
    length, needs = length_of(opened, length), _needs(opened)
    for name, told in {"spans": spans, "links": links}.items():
        if told is not None and name not in needs:
            raise ValueError(f"--{name}: the pattern hears no {name}; leave it out, or write it into the pattern")
    if file.suffix == ".conllu":
        if label or column != "text":
            raise ValueError(
                f"{file}: sentences have no such columns; leave --column and --label out, or bring a table"
            )
        if "links" in needs and links is None:
            raise ValueError(f"{file}: the pattern needs links; --links names the column that says who is linked")
        bring = {"tree": "tree" in needs, "spans": (spans or 8) if "spans" in needs else None, "links": links}
        return _sentences(opened, file, bring, length=length, most=most, size=size)
    if needs:
        raise ValueError(
            f"{file}: the pattern needs {' and '.join(sorted(needs))}, which a text does not bring; a .conllu file does"
        )
    read = read_texts(file, column=column, label=label, whole=opened.decodes and file.suffix in (".txt", ".md"))
    texts = read.texts if opened.decodes else read.texts[:most]
    found = text_batches(opened.tokenizer, texts, length=length, size=size, pieces=opened.decodes, most=most)
    if not found.batches:
        raise ValueError(f"{file}: its texts have a token each, and none is left to be said; bring longer ones")
    total = found.total if opened.decodes else len(read.texts)
    labels = None if read.labels is None else read.labels[:most]
    return Examples(
        found.batches, labels, len(found.text), found.num_tokens, length, found.cut, total - len(found.text)
    )


def _sentences(opened: Opened, file: Path, bring: dict[str, Any], *, length: int, most: int, size: int) -> Examples:
    sentences = read_conllu(file)
    kept = sentences[:most]
    batches = [
        dict(sentence_batch(kept[k : k + size], opened.tokenizer, max_length=length, **bring))
        for k in range(0, len(kept), size)
    ]
    real = [count for batch in batches for count in batch["attention_mask"].sum(1).tolist()]
    full = [sentence for sentence, count in zip(kept, real, strict=True) if count == length]
    whole = sentence_batch(full, opened.tokenizer, tree=False)["attention_mask"].sum(1).tolist() if full else []
    cut = sum(count > length for count in whole)
    return Examples(batches, None, len(kept), sum(real), length, cut, len(sentences) - len(kept))


def _needs(opened: Opened) -> frozenset[str]:
    """What the patterns of the model must be told with each batch."""
    rewiring: Rewiring | None = getattr(opened.model, "_edgewise_rewiring", None)
    return frozenset() if rewiring is None else rewiring.needs


def length_of(opened: Opened, length: int | None) -> int:
    """Tokens at once; more than the model has positions for are refused."""
    most = longest(opened)
    if length is not None and most is not None and length > most:
        raise ValueError(f"--length: {opened.source} takes {most} tokens at most, got {length}")
    return min(most or USUAL, USUAL) if length is None else length
