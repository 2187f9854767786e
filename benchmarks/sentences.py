"""Batches of sentences for language models: the same as a disjoint union, as padded rows, and as packed rows.

Of a sentence t_1 … t_n, t_1 … t_(n-1) are heard and t_2 … t_n asked, in each of the three. What is no token of a
sentence has the target NONE.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from edgewise.data import read_conllu
from edgewise.data.token_budget import evenly, num_steps
from edgewise.data.tokenisers import Tokeniser

NONE = -100  # what cross_entropy leaves out
ORDERS = ("random", "sorted")


def tokenised(file: Path, tokens: int) -> tuple[list[Tensor], int]:
    """The sentences of a treebank as tokens, those of one token left out, and how many different ones there are."""
    texts = [" ".join(sentence.words) for sentence in read_conllu(file)]
    cut = Tokeniser.made({"name": "bpe", "size": tokens}, texts)
    return [torch.tensor(ids) for ids in cut.ids(texts) if len(ids) > 1], len(cut)


@dataclass(frozen=True, eq=False)
class Rows:
    """Sentences in a rectangle."""

    tokens: Tensor  # [rows, length]
    targets: Tensor  # [rows, length]
    places: Tensor  # [rows, length], in the sentence
    heard: Tensor  # [rows, length, length], true where a sender is of the same sentence and not later

    @cached_property
    def real(self) -> Tensor:
        """[rows, length], true where there is a token of a sentence."""
        return self.targets != NONE

    @cached_property
    def silent(self) -> Tensor:
        """[rows, length], to be added to the logits of senders: -inf where there is no token."""
        return torch.zeros(self.real.shape).masked_fill_(~self.real, -torch.inf)

    @cached_property
    def mask(self) -> Tensor:
        """[rows, length, length], to be added to logits: -inf where a sender is not heard."""
        return torch.zeros(self.heard.shape).masked_fill_(~self.heard, -torch.inf)

    @property
    def padding(self) -> float:
        """The share of positions without a token."""
        return 1 - float(self.real.float().mean())

    @cached_property
    def asked(self) -> tuple[Tensor, Tensor]:
        """The numbers of the real tokens, rows one after another, and their targets."""
        flat = self.targets.flatten()
        index = (flat != NONE).nonzero()[:, 0]
        return index, flat[index]


@dataclass(frozen=True, eq=False)
class Sentences:
    """A batch."""

    texts: list[Tensor]

    @cached_property
    def lengths(self) -> list[int]:
        return [len(text) - 1 for text in self.texts]

    @cached_property
    def heard(self) -> Tensor:
        """The tokens that are heard, one sentence after another."""
        return torch.cat([text[:-1] for text in self.texts])

    @cached_property
    def asked(self) -> Tensor:
        return torch.cat([text[1:] for text in self.texts])

    @property
    def size(self) -> int:
        """How many real tokens there are."""
        return sum(self.lengths)

    @cached_property
    def padded(self) -> Rows:
        """A sentence a row, padding behind it."""
        return rows([[text] for text in self.texts], max(self.lengths))

    @cached_property
    def packed(self) -> Rows:
        """As many sentences a row as there is room for beside each other: the longest first, each where it first fits.

        Rows are as long as the longest sentence.
        """
        room = max(self.lengths)
        bins: list[list[Tensor]] = []
        free: list[int] = []
        for text in sorted(self.texts, key=len, reverse=True):
            length = len(text) - 1
            at = next((k for k, left in enumerate(free) if left >= length), len(free))
            if at == len(free):
                free.append(room)
                bins.append([])
            free[at] -= length
            bins[at].append(text)
        return rows(bins, room)


def rows(bins: list[list[Tensor]], length: int) -> Rows:
    """So many sentences in each row; what is left is a sentence of its own that asks nothing."""
    tokens, targets, places, sentence = [], [], [], []
    for texts in bins:
        left = length - sum(len(text) - 1 for text in texts)
        sizes = [*(len(text) - 1 for text in texts), left]
        tokens.append(torch.cat([*(text[:-1] for text in texts), torch.zeros(left, dtype=torch.int64)]))
        targets.append(torch.cat([text[1:] for text in texts]))
        places.append(torch.cat([torch.arange(size) for size in sizes]))
        sentence.append(torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes)))
    of = torch.stack(sentence)
    heard = (of[:, :, None] == of[:, None, :]).tril_()
    return Rows(torch.stack(tokens), pad_sequence(targets, True, NONE), torch.stack(places), heard)


def batches(texts: list[Tensor], budget: int, order: str, seed: int = 0) -> list[Sentences]:
    """Batches of about `budget` tokens, in an order drawn at random; "sorted": of sentences as long as each other."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randperm(len(texts), generator=generator)
    lengths = torch.tensor([len(text) - 1 for text in texts])
    if order == "sorted":
        drawn = drawn[lengths[drawn].argsort(stable=True)]
    cuts = evenly(lengths[drawn], num_steps(lengths, budget))
    made = [Sentences([texts[k] for k in drawn[cut].tolist()]) for cut in cuts]
    return [made[k] for k in torch.randperm(len(made), generator=generator).tolist()]
