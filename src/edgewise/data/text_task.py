"""Texts, and what is to be said of each, or of each of their words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from edgewise.data.answers import Answer
from edgewise.data.batch import NODES, Batch
from edgewise.data.parts import PARTS, check_parts
from edgewise.data.share import ALL, Share
from edgewise.data.spelling import CHARACTERS, Spelling
from edgewise.data.splits import Split
from edgewise.data.task import Task
from edgewise.data.token_budget import evenly, num_steps
from edgewise.patterns import Sequences


@dataclass(frozen=True, eq=False)
class TextTask(Task):
    """From the tokens of texts, say a target for each text, or for each word; a text is a graph of its tokens.

    Of words, `places` says which token stands for each, text by text; their targets follow that order. The words of a
    text are in one part, or in none: those are heard and not asked about. A batch is the disjoint union of texts of
    about so many tokens, without padding. Texts bring no edges but their trees, where they have some: the network's
    patterns build the graphs.
    """

    name: str
    texts: Sequence[Tensor]  # Int64[Tensor, "tokens"] of each text, numbers of the vocabulary
    targets: Tensor  # as `answer` has them, a row for each text or word
    train: Tensor  # Int64[Tensor, "train"], numbers of texts or words, and so on
    validation: Tensor
    test: Tensor
    answer: Answer  # what is asked: Classes, Labels or Numbers
    tokens: int  # how many there are in the vocabulary
    places: Sequence[Tensor] | None = None  # of each text, Int64[Tensor, "words"]; None: texts are asked about
    trees: Sequence[Sequence[int]] | None = None  # the head of each token of each text, -1 for a root
    spelling: Spelling | None = None  # the characters of words, where the network is to read them
    notes: tuple[str, ...] = ()  # sentences for the report: origin, terms, what a reader must know of the split
    encoders: Mapping[str, Any] = field(default_factory=dict)  # the tokeniser, as JSON has it
    learns: bool = True  # no: it is for a network that has learned; its examples are all in `test`, known or not
    ids: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # columns that say which example each is
    share: Share = ALL  # what a training step has of its texts; the rest is for other devices

    def __post_init__(self) -> None:
        for k, text in enumerate(self.texts):
            if text.dtype != torch.int64 or text.dim() != 1 or not len(text):
                raise ValueError(f"{self.name}: text {k} must be int64 tokens [at least 1], got {list(text.shape)}")
            if not 0 <= int(text.min()) <= int(text.max()) < self.tokens:
                raise IndexError(
                    f"{self.name}: text {k} has the token {int(text.max())}, and tokens go from 0 to {self.tokens - 1}"
                )
        examples = len(self.texts) if self.places is None else len(self._text_of)
        self.answer.check(self.targets, examples, self.name)
        parts = {part: getattr(self, part) for part in PARTS}
        check_parts(parts, self.targets, self.answer, self.name, self.example, self.learns)

    @property
    def example(self) -> str:  # type: ignore[override]
        return "text" if self.places is None else "word"

    @property
    def offered(self) -> dict[str, Any]:
        asks = "graph" if self.places is None else "nodes"
        characters = {} if self.spelling is None else {"characters": self.spelling.known}
        return {"tokens": self.tokens, "out_dim": self.answer.out_dim, "asks": asks, **characters}

    def batches(self, part: str, size: int, shuffled: bool = False) -> Iterator[Batch]:
        """Disjoint unions of texts of about `size` tokens together."""
        numbers = self._texts_in(part)
        if shuffled:
            numbers = numbers[torch.randperm(len(numbers))]
        for step in evenly(self._lengths[numbers], num_steps(self._lengths[numbers], size)):
            chosen = numbers[step]
            yield self._batch((self.share.of(chosen) if shuffled else chosen).tolist(), part)

    def longest(self) -> Batch:
        """The text with the most tokens, for who must have room for it."""
        sequences, features = self._read([int(self._lengths.argmax())])
        return Batch(sequences, features, self.targets[:0])

    def num_batches(self, part: str, size: int) -> int:
        return num_steps(self._lengths[self._texts_in(part)], size)

    def shared(self, share: Share) -> "TextTask":
        """The same task, whose training steps are of this share of each step's texts."""
        return replace(self, share=share)

    def to(self, device: torch.device | str) -> "TextTask":
        """The same task with its tensors on `device`."""
        places = None if self.places is None else [places.to(device) for places in self.places]
        tensors = {name: getattr(self, name).to(device) for name in ("targets", *PARTS)}
        spelling = None if self.spelling is None else self.spelling.to(device)
        texts = [text.to(device) for text in self.texts]
        return replace(self, texts=texts, places=places, spelling=spelling, **tensors)

    def described(self) -> str:
        words = "" if self.places is None else f", {len(self._text_of)} words"
        tokens = f"{int(self._lengths.sum())} tokens, {self.tokens} different ones"
        return f"{len(self.texts)} texts{words}, {tokens}, {self.answer.described()}"

    @cached_property
    def _lengths(self) -> Tensor:
        return torch.tensor([len(text) for text in self.texts])

    @cached_property
    def _text_of(self) -> Tensor:
        """The text of each word."""
        assert self.places is not None
        return torch.arange(len(self.texts)).repeat_interleave(torch.tensor([len(places) for places in self.places]))

    @cached_property
    def _first(self) -> list[int]:
        """The number of the first word of each text, and that of all words."""
        assert self.places is not None
        counts = torch.tensor([0, *(len(places) for places in self.places)])
        return list(counts.cumsum(0).tolist())

    def _texts_in(self, part: str) -> Tensor:
        index: Tensor = getattr(self, part).cpu()
        return index if self.places is None else self._text_of[index].unique_consecutive()

    @cached_property
    def _is_in(self) -> dict[str, Tensor]:
        """Of each word, whether it is in a part: some may be heard and not asked about."""
        return {part: torch.zeros(len(self._text_of), dtype=torch.bool).index_fill_(0, getattr(self, part).cpu(), True)
                for part in PARTS}  # fmt: skip

    def _batch(self, numbers: Sequence[int], part: str) -> Batch:
        sequences, features = self._read(numbers)
        if self.places is None:
            return Batch(sequences, features, self.targets[torch.tensor(numbers, device=self.targets.device)])
        before = [0, *self._lengths[list(numbers)].cumsum(0).tolist()]
        words = [slice(self._first[k], self._first[k + 1]) for k in numbers]
        ours = torch.cat([self._is_in[part][of] for of in words]).to(self.targets.device)
        asked = torch.cat([self.places[k] + start for k, start in zip(numbers, before, strict=False)])
        return Batch(sequences, features, torch.cat([self.targets[of] for of in words])[ours], asked=asked[ours])

    def _read(self, numbers: Sequence[int]) -> tuple[Sequences, Tensor | dict[str, Tensor]]:
        """These texts as a network reads them."""
        lengths = [len(self.texts[k]) for k in numbers]
        tree = None if self.trees is None else [head for k in numbers for head in self.trees[k]]
        tokens = torch.cat([self.texts[k] for k in numbers])
        if self.spelling is None:
            return Sequences(lengths, tree=tree), tokens
        characters, counts, graphs = self.spelling.batch(numbers)
        sequences = Sequences({NODES: lengths, CHARACTERS: counts}, tree=tree, graphs=graphs)
        return sequences, {NODES: tokens, CHARACTERS: characters}


def of_words(split: Split, places: Sequence[Tensor]) -> Split:
    """A split of texts as one of their words.

    >>> places = [torch.tensor([1]), torch.tensor([1, 2]), torch.tensor([1])]
    >>> [part.tolist() for part in of_words(Split(*map(torch.tensor, ([0, 2], [1], []))), places)]
    [[0, 3], [1, 2], []]
    """
    ends = [0, *accumulate(len(each) for each in places)]
    return Split(
        *(
            torch.cat([torch.arange(ends[k], ends[k + 1]) for k in part.tolist()] or [part.new_zeros(0)])
            for part in split
        )
    )
