"""A model's own mask on its way from mask function to attentions: made once a forward, for all layers of a kind."""

from collections.abc import Hashable
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool
from torch import Tensor

from edgewise.extras import require
from edgewise.graph import Graph
from edgewise.graph.algebra import one_run_a_row
from edgewise.graph.convert import mask_runs
from edgewise.graph.runs import Runs
from edgewise.pretrained.like_dense import LikeDense
from edgewise.pretrained.mask_band import MaskFunction, read

# So many pairs of a mask that is no band are looked at together.
BLOCK = 2**24


class Stretch(NamedTuple):
    """Neighbouring positions of one example that a pattern is laid on: a sentence without its padding."""

    example: int
    first: int
    stop: int


class OwnMask(LikeDense):
    """What transformers says about the mask of one kind of layers, and the graph that it is.

    Row i of an example is the query at position `row_start + i`, column j the key at position `column_start + j`.
    Whoever takes it for the dense mask of eager attention gets that: its attributes and operators are the tensor's.
    """

    def __init__(
        self,
        *,
        batch: int,
        rows: int,
        columns: int,
        row_start: int,
        column_start: int,
        function: MaskFunction,
        padding: Bool[Tensor, "batch positions"] | None,
        vmap: bool,
        dtype: torch.dtype,
        device: Any,
        travels: bool = True,
    ) -> None:
        if padding is not None and padding.dim() != 2:
            raise ValueError(
                f"rewire: attention_mask must be [batch, positions], got shape {list(padding.shape)}; who hears whom "
                "is said by the pattern given to rewire"
            )
        self.batch, self.rows, self.columns = batch, rows, columns
        self.row_start, self.column_start = row_start, column_start
        self.function, self.padding, self.vmap = function, padding, vmap
        self.kind, self.place = dtype, torch.device(device)
        self.travels = travels  # whether it goes from layer to layer, and is there when one is computed again
        self.laid: dict[Hashable, Any] = {}  # what was made of it, for the layers that follow

    def for_rows(self, rows: int) -> "OwnMask":
        """A mask of one row serves all rows, as a dense one does; any other stays as it is."""
        if self.rows != 1 or rows == 1:
            return self
        free = self.band is not None and self.band.free
        return self._changed(rows=rows, function=self.function if free else self._of_the_row)

    def starting_at(self, row_start: int) -> "OwnMask":
        """The same mask for queries that stand from this position on."""
        if self.row_start == row_start:
            return self
        shift, function = row_start - self.row_start, self.function

        def moved(example: Any, head: Any, row: Any, column: Any) -> Any:
            return function(example, head, row - shift, column)

        free = self.band is not None and self.band.free
        return self._changed(row_start=row_start, function=function if free else moved)

    def _changed(self, **changes: Any) -> "OwnMask":
        name = tuple((key, value) for key, value in changes.items() if key != "function")
        if name not in self.laid:
            same = ("batch", "rows", "columns", "row_start", "column_start", "function", "padding", "vmap", "travels")
            told = {name: getattr(self, name) for name in same}
            self.laid[name] = OwnMask(**{**told, "dtype": self.kind, "device": self.place, **changes})
        mask: OwnMask = self.laid[name]
        return mask

    def _of_the_row(self, example: Any, head: Any, row: Any, column: Any) -> Any:
        return self.function(example, head, row * 0 + self.row_start, column)

    @cached_property
    def band(self) -> Any:
        """The mask function as a band; None where it is none."""
        return read(self.function)

    @cached_property
    def real(self) -> Bool[Tensor, "batch positions"] | None:
        """Which positions are no padding, up to the last column; None where all are."""
        if self.padding is None:
            return None
        count = self.column_start + self.columns
        real = self.padding.cpu().bool()
        real = torch.nn.functional.pad(real, (0, max(0, count - real.shape[1])))[:, :count]
        return None if bool(real.all()) else real

    @cached_property
    def extents(self) -> list[tuple[int, int]]:
        """The first position of each example that is no padding, and one past the last."""
        count = self.column_start + self.columns
        if self.real is None:
            return [(0, count)] * self.batch
        first = self.real.to(torch.int8).argmax(1)
        stop = count - self.real.flip(1).to(torch.int8).argmax(1)
        some = self.real.any(1)
        return [(int(a), int(b)) if s else (0, 0) for a, b, s in zip(first, stop, some, strict=True)]

    @cached_property
    def whole(self) -> bool:
        """Whether no example has padding between its first and its last position."""
        return self.real is None or self.real.sum(1).tolist() == [stop - first for first, stop in self.extents]

    @cached_property
    def alike(self) -> bool:
        """Whether all examples have the same mask, so that one graph serves the batch."""
        return self.band is not None and self.band.alike and self.whole and len(set(self.extents)) <= 1

    @cached_property
    def everything(self) -> bool:
        """Whether it is sure to let every pair through: no padding, and no bound that a row meets."""
        band = self.band
        if band is None or self.real is not None or band.sequences is not None or band.chunk is not None:
            return False
        last, count = self.row_start + self.rows - 1, self.column_start + self.columns
        reaches_back = band.before is None or last - band.before <= self.column_start
        return reaches_back and (band.after is None or self.row_start + band.after >= count - 1)

    @cached_property
    def key(self) -> Hashable:
        """What tells it from other masks; None where only looking at it would."""
        band = self.band
        if band is None or band.sequences is not None or band.chunk is not None or not self.whole:
            return None
        extents = self.extents[:1] if self.alike else self.extents
        sizes = (self.rows, self.columns, self.row_start, self.column_start)
        return (band.before, band.after, *sizes, tuple(extents))

    def stretches(self, examples: int) -> list[Stretch]:
        """What patterns are laid on: each example from first to last position, cut where sequences are packed."""
        found = []
        for example, (first, stop) in enumerate(self.extents[:examples]):
            cuts = [first, stop]
            if self.band is not None and self.band.sequences is not None:
                turns = self.band.sequences[example].diff().nonzero().squeeze(1) + 1
                cuts[1:1] = [turn for turn in turns.tolist() if first < turn < stop]
            found += [Stretch(example, a, b) for a, b in pairwise(cuts)]
        return found

    def graph(self, examples: int) -> Graph:
        """The mask as a graph, `examples` of the batch side by side: one where all are alike, else all."""
        name = ("own", examples)
        if name not in self.laid:
            by_band = self.band is not None and self.whole
            self.laid[name] = self._by_band(examples) if by_band else self._by_looking(examples)
        graph: Graph = self.laid[name]
        return graph

    def _by_band(self, examples: int) -> Graph:
        position = torch.arange(self.row_start, self.row_start + self.rows)
        count = self.column_start + self.columns
        lows, highs = [], []
        for example, (first, stop) in enumerate(self.extents[:examples]):
            low, high = self.band.interval(position, example, count)
            shift = example * self.columns - self.column_start
            low, high = low.clamp(min=max(first, self.column_start)), high.clamp(max=stop)
            lows.append(low + shift)
            highs.append(high + shift)
        return union(one_run_a_row(torch.cat(lows), torch.cat(highs)), self.rows, self.columns, examples)

    def _by_looking(self, examples: int) -> Graph:
        """Evaluate the mask function by transformers' own hand, some rows at a time."""
        masking = require("transformers.masking_utils", extra="text")
        step = max(1, BLOCK // max(1, self.batch * self.columns))
        blocks: list[list[Runs]] = [[] for _ in range(examples)]
        for row in range(0, self.rows, step):
            seen = masking.sdpa_mask(
                batch_size=self.batch,
                q_length=min(step, self.rows - row),
                kv_length=self.columns,
                q_offset=self.row_start + row,
                kv_offset=self.column_start,
                mask_function=self.function,
                attention_mask=self.padding,
                allow_is_causal_skip=False,
                allow_is_bidirectional_skip=False,
                use_vmap=self.vmap,
                device=self.place,
            ).cpu()
            for example in range(examples):
                blocks[example].append(mask_runs(seen[example, 0]))
        runs = [
            Runs(*(x + example * self.columns if n else x for n, x in enumerate(block)))
            for example, of_example in enumerate(blocks)
            for block in of_example
        ]
        return union(one_after_another(runs), self.rows, self.columns, examples)

    def dense(self) -> Tensor:
        """The mask of eager attention: [batch, 1, rows, columns], 0 where heard and the least number elsewhere."""
        if "dense" not in self.laid:
            masking = require("transformers.masking_utils", extra="text")
            self.laid["dense"] = masking.eager_mask(
                batch_size=self.batch,
                q_length=self.rows,
                kv_length=self.columns,
                q_offset=self.row_start,
                kv_offset=self.column_start,
                mask_function=self.function,
                attention_mask=self.padding,
                dtype=self.kind,
                use_vmap=self.vmap,
                device=self.place,
            )
        mask: Tensor = self.laid["dense"]
        return mask


def union(runs: Runs, rows: int, columns: int, examples: int) -> Graph:
    """So many examples side by side, each with so many rows and columns."""
    if examples == 1:
        return Graph._trusted(runs, columns)
    steps = torch.arange(examples + 1)
    return Graph._trusted(runs, columns * examples, steps * rows, steps * columns)


def one_after_another(parts: list[Runs]) -> Runs:
    """The rows of all parts, in the same columns."""
    counts = torch.cat([part.offsets.diff() for part in parts])
    offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    return Runs(offsets, torch.cat([part.start for part in parts]), torch.cat([part.stop for part in parts]))
