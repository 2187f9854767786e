"""The nodes of each graph of a batch, from what was given for all of them."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from jaxtyping import Shaped
from torch import Tensor

from edgewise.graph.runs import check_count
from edgewise.patterns.door import integers
from edgewise.patterns.nodes import Nodes

Counts = int | Sequence[int] | Shaped[Tensor, "..."]


def batch_nodes(
    lengths: Sequence[int] | Shaped[Tensor, "..."],
    past: Counts | None = None,
    *,
    spans: Sequence[Any] | None = None,
    **of_senders: Sequence[int] | Shaped[Tensor, "..."] | None,
) -> list[Nodes]:
    """Graph g has `lengths[g]` receivers and `past[g]` senders before them; the rest is cut where the graphs are.

    >>> [(one.num_receivers, one.num_senders) for one in batch_nodes([3, 1], past=[0, 4])]
    [(3, 3), (1, 5)]
    """
    rows = counts("lengths", lengths, "It counts the receivers of each graph.")
    if past is None or isinstance(past, int):
        past = [past or 0] * len(rows)
    before = counts("past", past, "It counts the senders of each graph that come before its receivers.")
    if len(before) != len(rows):
        raise ValueError(
            f"build_batch: expected a past for each of the {len(rows)} graphs, got {len(before)}; "
            "give one number for all, or one for each"
        )
    sizes = [row + earlier for row, earlier in zip(rows, before, strict=True)]
    check_count(sum(sizes), "the number of all senders", "build_batch")
    if spans is not None and len(spans) != len(rows):
        raise ValueError(f"build_batch: spans must be a list for each of the {len(rows)} graphs, got {len(spans)}")
    given = {name: values for name, values in of_senders.items() if values is not None}
    for name, values in given.items():
        if len(values) != sum(sizes):
            raise ValueError(
                f"build_batch: {name} must have one entry for each of the {sum(sizes)} senders, got {len(values)}"
            )
    ends: list[int] = [0, *accumulate(sizes)]
    found = []
    for graph, (row, (start, stop)) in enumerate(zip(rows, pairwise(ends), strict=True)):
        own: dict[str, Any] = {name: values[start:stop] for name, values in given.items()}
        found.append(Nodes.of(row, stop - start, spans=None if spans is None else spans[graph], **own))
    return found


def counts(name: str, values: Sequence[int] | Shaped[Tensor, "..."], meaning: str) -> list[int]:
    """A list of numbers that are at least 0."""
    found: list[int] = integers("build_batch", name, values, meaning).tolist()
    if found and min(found) < 0:
        raise ValueError(f"build_batch: {name} must be at least 0, got {min(found)}. {meaning}")
    return found
