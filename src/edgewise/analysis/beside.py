"""A rewired model beside itself as it was: how good, how many edges, how long, how much memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch

from edgewise.analysis.peak import peak
from edgewise.analysis.quality import Batch, Quality
from edgewise.pretrained.brought import OURS
from edgewise.pretrained.counted import Counted
from edgewise.pretrained.open_model import Opened
from edgewise.pretrained.rewire import restore
from edgewise.pretrained.rewiring import Rewiring


@dataclass(frozen=True)
class Side:
    """Figures of one of the two: scores, edges of all heads, seconds, and bytes at most beyond the weights."""

    scores: dict[str, float]
    edges: int
    seconds: float
    memory: int | None


@dataclass(frozen=True)
class Beside:
    """The model as it was, and rewired."""

    original: Side
    rewired: Side


def beside(
    opened: Opened,
    rewired: Callable[[Any], Any],
    batches: Sequence[Batch],
    asked: Callable[[], Sequence[Quality]],
    tell: Callable[[int, int], None] = lambda done, batches: None,
) -> Beside:
    """The same batches through the model as it was, and as `rewired` makes it, which it is afterwards.

    Edges of the original are those of its own masks. Seconds are of all forward passes, graphs made on the way
    included; the first batch has been seen once before the clock starts. `asked` makes what is asked of each of the
    two; `tell` hears how many batches of both are done, and of how many.
    """
    passed = _Pass(batches, tell)
    before = asked()
    restore(opened.model)
    seconds, memory = passed(opened.model, before)
    rewired(opened.model)
    rewiring: Rewiring = opened.model._edgewise_rewiring
    after = asked()
    rewiring.counted = counted = Counted()
    try:
        later, more = passed(opened.model, after, counted)
    finally:
        rewiring.counted = None
    return Beside(
        Side(_scores(before, before), counted.own, seconds, memory),
        Side(_scores(after, before), counted.heard, later, more),
    )


def _scores(asked: Sequence[Quality], original: Sequence[Quality]) -> dict[str, float]:
    pairs = zip(asked, original, strict=True)
    return {name: score for one, theirs in pairs for name, score in one.scores(theirs).items()}


class _Pass:
    """All batches through a model, once; how long it took, and the memory at most."""

    def __init__(self, batches: Sequence[Batch], tell: Callable[[int, int], None]) -> None:
        self.batches, self.tell = batches, tell
        self.done = 0

    def __call__(
        self, model: Any, asked: Sequence[Quality], counted: Counted | None = None
    ) -> tuple[float, int | None]:
        device, seconds, most = next(model.parameters()).device, 0.0, 0
        with torch.inference_mode():
            model(**_there(self.batches[0], device, counted is not None))
            if counted is not None:
                counted.clear()
            for batch in self.batches:
                found = _there(batch, device, counted is not None)
                for quality in asked:
                    found = quality.prepared(found)
                with peak(device) as held:
                    begin = perf_counter()
                    outputs = model(**found)
                    if device.type == "cuda":
                        torch.cuda.synchronize(device)
                    seconds += perf_counter() - begin
                most = max(most, held.bytes or 0)
                if counted is not None:
                    counted.settle()
                for quality in asked:
                    quality.add(outputs, _there(batch, device))
                self.done += 1
                self.tell(self.done, 2 * len(self.batches))
        return seconds, most or None


def _there(batch: Batch, device: torch.device, rewired: bool = False) -> Batch:
    """A batch where the model is, without what only a rewired one takes."""
    taken = {name: x for name, x in batch.items() if rewired or name not in OURS}
    return {name: x.to(device) if isinstance(x, torch.Tensor) else x for name, x in taken.items()}
