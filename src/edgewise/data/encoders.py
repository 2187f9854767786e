"""How a column becomes features. What an encoder has learned from a column are options of it, so it can be kept."""

import re
import zlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.data.sparse import is_sparse, join_columns, sparse_table, with_values, worth_it
from edgewise.data.table import Table
from edgewise.part import Part

EncoderPart = str | Part | Mapping[str, Any]  # a name in ENCODERS, or with options: {name = "words", size = 500}


class Encoder(ABC):
    """`fitted` learns from the rows given, `encode` makes features of all rows."""

    @abstractmethod
    def fitted(self, table: Table, column: str, rows: Sequence[int]) -> "Encoder":
        """The same encoder with what it has learned from these rows."""

    @abstractmethod
    def encode(self, table: Table, column: str) -> Float[Tensor, "rows features"]:
        """A row of features for each of the column."""


@dataclass(frozen=True)
class Number(Encoder):
    """x = (v - mean) / deviation; with standardise=False, x = v."""

    standardise: bool = True
    fill: float | None = None  # what stands for an empty cell; None: an empty cell is an error
    mean: float = 0.0
    deviation: float = 1.0

    def fitted(self, table: Table, column: str, rows: Sequence[int]) -> "Number":
        if not self.standardise:
            return self
        values = self._values(table, column)[list(rows)]
        deviation = float(values.std()) if len(values) else 0.0
        return replace(self, mean=float(values.mean()) if len(values) else 0.0, deviation=deviation or 1.0)

    def encode(self, table: Table, column: str) -> Float[Tensor, "rows features"]:
        values = (self._values(table, column) - self.mean) / self.deviation
        return torch.from_numpy(values.astype(np.float32))[:, None]

    def _values(self, table: Table, column: str) -> Any:
        values = table.numbers(column)
        if self.fill is not None:
            values = np.where(np.isnan(values), self.fill, values)
        wrong = (~np.isfinite(values)).nonzero()[0]
        if len(wrong):
            raise ValueError(
                f"{table.file}: column {column!r} is to hold finite numbers, got {values[wrong[0]]} at row {wrong[0]}"
                f" ({len(wrong)} such rows in all); mend them, or fill = 0.0 stands for what is empty"
            )
        return values


@dataclass(frozen=True)
class OneHot(Encoder):
    """x_c = 1 iff v is category c; a value that was not there to be learned, or an empty cell, is a row of zeros."""

    most: int = 100  # categories; more are an error, for then the column is hardly one of categories
    categories: tuple[str, ...] = ()

    def fitted(self, table: Table, column: str, rows: Sequence[int]) -> "OneHot":
        texts = table.texts(column)
        found = sorted({text for k in rows if (text := texts[k]) is not None}, key=by_number)
        if len(found) > self.most:
            raise ValueError(
                f"{table.file}: column {column!r} has {len(found)} different values, more than most = {self.most}; name"
                f" another encoder for it ({', '.join(sorted(ENCODERS))}), raise most, or leave it out"
            )
        return replace(self, categories=tuple(found))

    def encode(self, table: Table, column: str) -> Float[Tensor, "rows features"]:
        place = {category: k for k, category in enumerate(self.categories)}
        return _counted([[place[text]] if text in place else [] for text in table.texts(column)], len(place))


@dataclass(frozen=True)
class Codes(Encoder):
    """x = k for the k-th category, counted from 0: for categories in an order, such as small, medium, large."""

    order: tuple[str, ...] = ()  # the categories; those of the rows it learns from, sorted, unless given

    def fitted(self, table: Table, column: str, rows: Sequence[int]) -> "Codes":
        texts = table.texts(column)
        found = sorted({text for k in rows if (text := texts[k]) is not None}, key=by_number)
        return self if self.order else replace(self, order=tuple(found))

    def encode(self, table: Table, column: str) -> Float[Tensor, "rows features"]:
        place = {category: float(k) for k, category in enumerate(self.order)}
        texts = table.texts(column)
        for row, text in enumerate(texts):
            if text not in place:
                raise ValueError(
                    f"{table.file}: column {column!r} has {text!r} at row {row}, which has no code; order = [...] names"
                    f" every category, got {', '.join(self.order)}"
                )
        return torch.tensor([[place[text]] for text in texts if text is not None], dtype=torch.float32).reshape(-1, 1)


@dataclass(frozen=True)
class Words(Encoder):
    """x_w = 1 iff the text has word w, of the `size` words that most of the texts have; or how often, with counts."""

    size: int = 1000  # words, at most
    counts: bool = False
    words: tuple[str, ...] = ()

    def fitted(self, table: Table, column: str, rows: Sequence[int]) -> "Words":
        texts = table.texts(column)
        seen = Counter(word for k in rows for word in set(words_of(texts[k])))
        most = sorted(seen, key=lambda word: (-seen[word], word))[: self.size]
        return replace(self, words=tuple(most))

    def encode(self, table: Table, column: str) -> Float[Tensor, "rows features"]:
        place = {word: k for k, word in enumerate(self.words)}
        rows = [[place[word] for word in words_of(text) if word in place] for text in table.texts(column)]
        counted = _counted(rows, len(place))
        return counted if self.counts else _ones(counted)


@dataclass(frozen=True)
class Hashing(Encoder):
    """x_b = Σ_w ±1 over the words whose hash falls on b: a bag of words of any vocabulary, in `size` features.

    Weinberger et al. 2009, https://arxiv.org/abs/0902.2206; the hash is CRC-32, its highest bit the sign.
    """

    size: int = 256

    def fitted(self, table: Table, column: str, rows: Sequence[int]) -> "Hashing":
        return self

    def encode(self, table: Table, column: str) -> Float[Tensor, "rows features"]:
        rows = [[zlib.crc32(word.encode()) for word in words_of(text)] for text in table.texts(column)]
        owner = torch.repeat_interleave(torch.tensor([len(hashes) for hashes in rows], dtype=torch.int64))
        hashes = torch.tensor([hashed for hashes in rows for hashed in hashes], dtype=torch.int64)
        signs = (hashes >> 31) * 2.0 - 1
        return worth_it(sparse_table(owner, hashes % self.size, signs, (len(table), self.size)))


ENCODERS: dict[str, type[Encoder]] = {
    "number": Number,
    "one_hot": OneHot,
    "codes": Codes,
    "words": Words,
    "hashing": Hashing,
}


def encoded(
    table: Table, columns: Mapping[str, EncoderPart], rows: Sequence[int] | None
) -> tuple[Float[Tensor, "rows features"], dict[str, dict[str, Any]]]:
    """The columns side by side, encoded by what was learned from `rows`; and each encoder as a table of options.

    Without `rows` nothing is learned: such a table of options says all. The features are sparse where that is worth it
    (`data.sparse`).
    """
    features: list[Tensor] = [torch.zeros(len(table), 0)]
    state = {}
    for column, part in columns.items():
        encoder: Encoder = Part.of(part).build(ENCODERS, "encoder")
        encoder = encoder if rows is None else encoder.fitted(table, column, rows)
        features.append(encoder.encode(table, column))
        options: dict[str, Any] = asdict(encoder)  # type: ignore[call-overload]
        state[column] = {"name": Part.of(part).name, **options}
    return join_columns(features), state


def words_of(text: str | None) -> list[str]:
    """The words of a text: letters and digits in a row, in lower case.

    >>> words_of("Edge-wise, 2 words")
    ['edge', 'wise', '2', 'words']
    """
    return re.findall(r"\w+", (text or "").lower())


def _counted(rows: Sequence[Sequence[int]], size: int) -> Float[Tensor, "rows features"]:
    owner = torch.repeat_interleave(torch.tensor([len(places) for places in rows], dtype=torch.int64))
    place = torch.tensor([place for places in rows for place in places], dtype=torch.int64)
    return worth_it(sparse_table(owner, place, torch.ones(len(place)), (len(rows), size)))


def _ones(counted: Tensor) -> Tensor:
    if is_sparse(counted):
        return with_values(counted, torch.ones_like(counted.values()))
    return counted.clamp(max=1)


def by_number(text: str) -> tuple[float, str]:
    """Sorts "2" before "10", and numbers before words."""
    try:
        return float(text), text
    except ValueError:
        return float("inf"), text
