"""The mask functions of transformers that are one interval a row, read as such."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor

_MODULE = "transformers.masking_utils"
MaskFunction = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Band:
    """Who a model lets each position hear, where that is one interval.

        j -> p   iff   p - before <= j <= p + after,   j in the sequence of p,   j in the chunk of p

    Numbers count positions besides p itself; None is no bound.
    """

    before: int | None = None
    after: int | None = None
    sequences: Int64[Tensor, "batch positions"] | None = None  # packed: the number of the sequence of each position
    chunk: tuple[int, Int64[Tensor, "batch"]] | None = None  # its size, and the position at which the first one starts

    @property
    def free(self) -> bool:
        """Whether everybody hears everybody."""
        return self.before is None and self.after is None and self.sequences is None and self.chunk is None

    @property
    def alike(self) -> bool:
        """Whether all examples of the batch are sure to have the same."""
        return self.sequences is None and (self.chunk is None or self.chunk[1].unique().numel() == 1)

    def __and__(self, other: "Band") -> "Band | None":
        """What both let be heard; None where that is no band."""
        if self.chunk is not None and other.chunk is not None:
            return None
        if self.sequences is not None and other.sequences is not None:
            return None
        return Band(
            _least(self.before, other.before),
            _least(self.after, other.after),
            other.sequences if self.sequences is None else self.sequences,
            other.chunk if self.chunk is None else self.chunk,
        )

    def interval(
        self, position: Int64[Tensor, "rows"], example: int, count: int
    ) -> tuple[Int64[Tensor, "rows"], Int64[Tensor, "rows"]]:
        """The first of `count` positions that each of these hears, and one past the last."""
        low, high = torch.zeros_like(position), torch.full_like(position, count)
        if self.before is not None:
            low = torch.maximum(low, position - self.before)
        if self.after is not None:
            high = torch.minimum(high, position + self.after + 1)
        if self.chunk is not None:
            size, first = self.chunk[0], int(self.chunk[1][example])
            start = (position - first).div(size, rounding_mode="floor") * size + first
            low, high = torch.maximum(low, start), torch.minimum(high, start + size)
        if self.sequences is not None:
            sequence = self.sequences[example].contiguous()
            own = sequence[position]
            low = torch.maximum(low, torch.searchsorted(sequence, own))
            high = torch.minimum(high, torch.searchsorted(sequence, own, right=True))
        return low, high


def read(function: MaskFunction) -> Band | None:
    """The band that a mask function of transformers is; None for any other function, which has to be evaluated.

    >>> from transformers.masking_utils import sliding_window_causal_mask_function
    >>> read(sliding_window_causal_mask_function(4))
    Band(before=3, after=0, sequences=None, chunk=None)
    >>> read(lambda batch, head, query, key: key < 3)
    """
    if getattr(function, "__module__", None) != _MODULE:
        return None
    name = function.__qualname__.removesuffix(".<locals>.inner_mask")
    held = inspect.getclosurevars(function).nonlocals
    if name == "causal_mask_function":
        return Band(after=0)
    if name == "bidirectional_mask_function":
        return Band()
    if name == "sliding_window_overlay":
        return Band(before=held["sliding_window"] - 1)
    if name == "sliding_window_bidirectional_overlay":
        return Band(before=held["sliding_window"], after=held["sliding_window"])
    if name == "chunked_overlay":
        return Band(chunk=(int(held["chunk_size"]), held["left_padding"].cpu().long()))
    if name == "packed_sequence_mask_function":
        return Band(sequences=held["packed_sequence_mask"].cpu().long())
    if name == "and_masks.<locals>.and_mask":
        return _all_of([_within_sequences(part) for part in held["mask_functions"]])
    return None


def _within_sequences(function: MaskFunction) -> Band | None:
    """A part of a conjunction, which may count positions from the start of its packed sequence.

    transformers only counts so beside the mask that keeps to the sequence, in which positions rise by one: what
    compares positions is the same in both counts. Chunks are not, since they start with the sequence.
    """
    if function.__qualname__ != "remap_positions_for_packed_sequence.<locals>.inner_mask":
        return read(function)
    band = read(inspect.getclosurevars(function).nonlocals["mask_function"])
    return None if band is None or band.chunk is not None else band


def _all_of(bands: list[Band | None]) -> Band | None:
    whole: Band | None = Band()
    for band in bands:
        whole = None if whole is None or band is None else whole & band
    return whole


def _least(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else min(a, b)
