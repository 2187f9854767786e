"""Documents, every token of which is to be said from those before it: language modelling."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from edgewise.data.answers import Tokens
from edgewise.data.batch import Batch
from edgewise.data.parts import PARTS
from edgewise.data.share import ALL, Share
from edgewise.data.task import Task
from edgewise.data.token_budget import evenly, num_steps
from edgewise.patterns import Sequences


@dataclass(frozen=True, eq=False)
class LanguageTask(Task):
    """From t_1 … t_i of a document, say t_(i+1): each token once an epoch, but the first of each document.

    Documents are cut into rows of `length` tokens, a graph each, so that no row hears another, nor any
    document another. For training the cuts fall elsewhere each epoch, by PyTorch's global stream. For validation and
    test a row begins with `context` tokens that the row before has asked already: so each token is said from at least
    so many before it, where there are as many. A batch is the disjoint union of rows of about so many tokens,
    without padding.
    """

    name: str
    tokens: Tensor  # Int64[Tensor, "tokens"] of all documents, one after another, numbers of `answer`
    documents: Tensor  # Int64[Tensor, "documents_and_one"], where each begins, and where the last one ends
    parts: Mapping[str, Sequence[int]]  # by part, the numbers of documents
    answer: Tokens
    length: int  # tokens a row
    context: int  # tokens at the beginning of a row that are only heard, in validation and test
    units: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # by part, how many characters …
    notes: tuple[str, ...] = ()  # sentences for the report: origin, terms, what a reader must know of the split
    encoders: Mapping[str, Any] = field(default_factory=dict)  # the tokeniser, as JSON has it
    learns: bool = True  # no: it is for a network that has learned; its documents are all in `test`
    ids: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # columns that say which example each is
    share: Share = ALL  # what a training step has of its rows; the rest is for other devices
    train: Tensor = field(init=False, repr=False)  # Int64[Tensor, "train"], the tokens that are asked, and so on
    validation: Tensor = field(init=False, repr=False)
    test: Tensor = field(init=False, repr=False)

    example = "token"

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ValueError(f"{self.name}: length must be at least 1, got {self.length}. It counts tokens of a row.")
        if not 0 <= self.context < self.length:
            raise ValueError(
                f"{self.name}: context must be at least 0 and below length = {self.length}, got {self.context}; the"
                " rest of a row is asked about"
            )
        self.answer.check(self.tokens, len(self.tokens), self.name)
        for part in PARTS:
            spans = [self._span(k) for k in self.parts.get(part, ())]
            asked = torch.cat([torch.arange(start + 1, stop) for start, stop in spans] or [self.documents.new_zeros(0)])
            if not len(asked) and (self.learns or part == "test"):
                raise ValueError(f"{self.name}: the {part} part holds no document of two tokens, so nothing to say")
            object.__setattr__(self, part, asked.to(self.tokens.device))

    @property
    def targets(self) -> Tensor:  # type: ignore[override]
        return self.tokens

    @property
    def offered(self) -> dict[str, Any]:
        return {"tokens": self.answer.out_dim, "out_dim": self.answer.out_dim, "asks": "tokens"}

    def batches(self, part: str, size: int, shuffled: bool = False) -> Iterator[Batch]:
        """Disjoint unions of rows of about `size` tokens together."""
        rows = self._rows_drawn(part) if shuffled else self._rows_in_order(part)
        if shuffled:
            rows = rows[torch.randperm(len(rows))]
        for step in evenly(rows[:, 1] - rows[:, 0], self.num_batches(part, size)):
            yield self._batch(self.share.of(rows[step]) if shuffled else rows[step])

    def num_batches(self, part: str, size: int) -> int:
        """As many for every epoch, wherever the cuts fall: by the tokens that are asked, or the rows in order."""
        if part == "train":
            fewest = sum(-(-(stop - start - 1) // self.length) for start, stop in map(self._span, self.parts[part]))
            return min(num_steps(torch.ones_like(self.train), size), fewest)
        rows = self._rows_in_order(part)
        return num_steps(rows[:, 1] - rows[:, 0], size)

    def rows(self, batch: Batch) -> tuple[int, str]:
        return len(batch.features), "tokens"

    def longest(self) -> Batch:
        """The longest row, for who must have room for it."""
        rows = torch.cat([self._rows_in_order(part) for part in PARTS])
        return self._batch(rows[(rows[:, 1] - rows[:, 0]).argmax()][None])

    def shared(self, share: Share) -> "LanguageTask":
        """The same task, whose training steps are of this share of each step's rows."""
        return replace(self, share=share)

    def to(self, device: torch.device | str) -> "LanguageTask":
        """The same task with its tokens on `device`."""
        return replace(self, tokens=self.tokens.to(device))

    def described(self) -> str:
        count = len(self.documents) - 1
        documents = f"{count} documents" if count > 1 else "1 document"
        return f"{documents}, {len(self.tokens)} tokens, rows of {self.length}, {self.answer.described()}"

    def _span(self, document: int) -> tuple[int, int]:
        start, stop = self.documents[document : document + 2].tolist()
        return start, stop

    def _rows_in_order(self, part: str) -> Tensor:
        """[rows, 3]: where a row begins, where it ends, and the first token that it is asked to follow."""
        rows = []
        for start, stop in map(self._span, self.parts.get(part, ())):
            first = asks = start
            while asks < stop - 1:
                last = min(first + self.length, stop - 1)
                rows.append((first, last, asks))
                first, asks = max(last - self.context, start), last
        return torch.tensor(rows, dtype=torch.int64).reshape(-1, 3)

    def _rows_drawn(self, part: str) -> Tensor:
        """Rows as `_rows_in_order` has them, without context, cut at random."""
        rows = []
        for start, stop in map(self._span, self.parts[part]):
            if stop - 1 - start > self.length:
                first = start + int(torch.randint(1, self.length + 1, ()))
                cuts = torch.cat([torch.tensor([start]), torch.arange(first, stop - 1, self.length)])
            else:
                cuts = torch.tensor([start]) if start < stop - 1 else torch.zeros(0, dtype=torch.int64)
            ends = torch.cat([cuts[1:], torch.tensor([stop - 1] if len(cuts) else [])]).long()
            rows.append(torch.stack([cuts, ends, cuts], dim=1))
        return torch.cat(rows)

    def _batch(self, rows: Tensor) -> Batch:
        starts, stops, asks = rows.unbind(1)
        lengths = stops - starts
        count = int(lengths.sum())
        row = torch.arange(len(rows)).repeat_interleave(lengths, output_size=count)
        index = torch.arange(count) + (starts - lengths.cumsum(0) + lengths)[row]
        asked = None if bool((asks == starts).all()) else (index >= asks[row]).nonzero()[:, 0]
        follows = index + 1 if asked is None else index[asked] + 1
        device = self.tokens.device
        return Batch(
            Sequences(lengths.tolist()),
            self.tokens[index.to(device)],
            self.tokens[follows.to(device)],
            asked=None if asked is None else asked.to(device),
        )
