"""Documents, some tokens of which are hidden and to be said from all around them: masked language modelling."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from edgewise.data.answers import Tokens
from edgewise.data.batch import Batch
from edgewise.data.masks import draw_mask
from edgewise.data.parts import PARTS
from edgewise.data.share import ALL, Share
from edgewise.data.task import Task
from edgewise.data.token_budget import evenly, num_steps
from edgewise.data.tokenisers import Tokeniser
from edgewise.patterns import Sequences

MASK = "[MASK]"
REPLACED, DRAWN = 0.8, 0.1  # of what is hidden: shares shown as the mask, and as another token; the rest as it is


@dataclass(frozen=True, eq=False)
class ClozeTask(Task):
    """From rows of tokens with a share `hidden`, say which the hidden ones were; of every row at least one.

    Of the hidden, 80 % are shown as the token [MASK], 10 % as another token, drawn at random, and 10 % as they are. For
    validation, test and a look at training the same are hidden always, by `mask_seed`; for an epoch of training others,
    by PyTorch's global stream. A batch is the disjoint union of rows of about so many tokens, without padding.

    Devlin et al. 2019, section 3.1, https://arxiv.org/abs/1810.04805; a word left out for a reader to fill in: Taylor
    1953, "Cloze procedure".
    """

    name: str
    texts: Sequence[Tensor]  # Int64[Tensor, "tokens"] of each row, numbers of `answer`
    train: Tensor  # Int64[Tensor, "train"], numbers of rows, and so on
    validation: Tensor
    test: Tensor
    answer: Tokens
    mask: int  # the token that is shown for what is hidden
    hidden: float = 0.15
    mask_seed: int = 0  # of what is hidden in validation and test
    notes: tuple[str, ...] = ()  # sentences for the report: origin, terms, what a reader must know of the split
    encoders: Mapping[str, Any] = field(default_factory=dict)  # the tokeniser, as JSON has it
    learns: bool = True
    ids: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    share: Share = ALL  # what a training step has of its rows; the rest is for other devices

    example = "row"

    def __post_init__(self) -> None:
        if not 0 < self.hidden <= 1:
            raise ValueError(f"{self.name}: expected a share hidden above 0, at most 1, got {self.hidden}")
        for part in PARTS:
            if not len(getattr(self, part)) and (self.learns or part == "test"):
                raise ValueError(f"{self.name}: the {part} part holds no row")

    @classmethod
    def of(
        cls,
        name: str,
        documents: Sequence[Sequence[int]],
        parts: Mapping[str, Sequence[int]],
        answer: Tokens,
        cut: Tokeniser,
        *,
        length: int,
        hidden: float,
        notes: tuple[str, ...],
    ) -> "ClozeTask":
        """The task of documents, cut into rows of `length` tokens."""
        if length < 1:
            raise ValueError(f"{name}: length must be at least 1, got {length}. It counts tokens of a row.")
        rows: list[Tensor] = []
        ends = [0]
        for part in PARTS:
            rows += [row for k in parts[part] for row in torch.tensor(documents[k]).split(length) if len(row)]
            ends.append(len(rows))
        encoders = {"tokeniser": cut.as_table()}
        train, validation, test = (torch.arange(start, stop) for start, stop in pairwise(ends))
        return cls(
            name,
            rows,
            train,
            validation,
            test,
            answer,
            mask=cut.number(MASK),
            hidden=hidden,
            notes=notes,
            encoders=encoders,
            learns=len(train) > 0,
        )

    @property
    def targets(self) -> Tensor:  # type: ignore[override]
        """A zero for each row: of all of them the tokens are known."""
        return torch.zeros(len(self.texts), dtype=torch.int64)

    @property
    def offered(self) -> dict[str, Any]:
        return {"tokens": self.answer.out_dim, "out_dim": self.answer.out_dim, "asks": "tokens"}

    def asked(self, part: str) -> Tensor:
        """The hidden tokens of a part, row by row."""
        return torch.cat([self.texts[k][mask] for k, mask in self._looked_at(part)])

    def batches(self, part: str, size: int, shuffled: bool = False) -> Iterator[Batch]:
        """Disjoint unions of rows of about `size` tokens together, with tokens hidden."""
        index: Tensor = getattr(self, part).cpu()
        if shuffled:
            index = index[torch.randperm(len(index))]
        masks = self._masks(index, None) if shuffled else [mask for _, mask in self._looked_at(part)]
        generator = None if shuffled else torch.Generator().manual_seed(self.mask_seed + 1)
        for step in evenly(self._lengths[index], self.num_batches(part, size)):
            numbers = torch.arange(len(index))[step]
            numbers = self.share.of(numbers) if shuffled else numbers
            chosen = [(int(index[n]), masks[n]) for n in numbers.tolist()]
            tokens = torch.cat([self.texts[k] for k, _ in chosen])
            mask = torch.cat([mask for _, mask in chosen]).to(tokens.device)
            sequences = Sequences([len(self.texts[k]) for k, _ in chosen])
            shown = self._shown(tokens, mask, generator)
            yield Batch(sequences, shown, tokens[mask], asked=mask.nonzero()[:, 0])

    def num_batches(self, part: str, size: int) -> int:
        return num_steps(self._lengths[getattr(self, part).cpu()], size)

    def rows(self, batch: Batch) -> tuple[int, str]:
        return len(batch.features), "tokens"

    def longest(self) -> Batch:
        """The longest row, for who must have room for it."""
        tokens = self.texts[int(self._lengths.argmax())]
        return Batch(Sequences([len(tokens)]), tokens, tokens)

    def shared(self, share: Share) -> "ClozeTask":
        """The same task, whose training steps are of this share of each step's rows."""
        return replace(self, share=share)

    def to(self, device: torch.device | str) -> "ClozeTask":
        """The same task with its rows on `device`."""
        return replace(self, texts=[text.to(device) for text in self.texts])

    def described(self) -> str:
        return (
            f"{len(self.texts)} rows, {int(self._lengths.sum())} tokens, {100 * self.hidden:.3g} % of every row hidden"
            f" and asked about, {self.answer.described()}"
        )

    @cached_property
    def _lengths(self) -> Tensor:
        return torch.tensor([len(text) for text in self.texts])

    def _looked_at(self, part: str) -> list[tuple[int, Tensor]]:
        """The rows of a part, and what is hidden in each always."""
        index: Tensor = getattr(self, part).cpu()
        masks = self._masks(index, torch.Generator().manual_seed(self.mask_seed))
        return list(zip(index.tolist(), masks, strict=True))

    def _masks(self, index: Tensor, generator: torch.Generator | None) -> list[Tensor]:
        counts = self._lengths[index]
        return list(draw_mask(counts, self.hidden, generator).split(counts.tolist()))

    def _shown(self, tokens: Tensor, mask: Tensor, generator: torch.Generator | None) -> Tensor:
        """What stands in the place of hidden tokens."""
        chance = torch.rand(len(tokens), generator=generator).to(tokens.device)
        others = torch.randint(self.answer.out_dim, (len(tokens),), generator=generator).to(tokens.device)
        shown = tokens.masked_fill(mask & (chance < REPLACED), self.mask)
        return torch.where(mask & (chance >= REPLACED) & (chance < REPLACED + DRAWN), others, shown)
