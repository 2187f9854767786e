"""A pattern laid on the examples of a batch, and what it shares with the model's own mask."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from edgewise.graph import Graph
from edgewise.graph.runs import Runs, receiver_of_run
from edgewise.patterns import Pattern
from edgewise.patterns.nodes import Nodes
from edgewise.pretrained.brought import Brought, for_each, together
from edgewise.pretrained.own_mask import OwnMask, Stretch, union
from edgewise.pretrained.wires import One, Wire, needs_of


def heard_graph(mask: OwnMask, wire: Wire | None, brought: Brought, crossing: bool) -> tuple[Graph, int]:
    """Who hears whom: the model's mask, the wire's pattern and the graph of the batch all let it.

    Returns the graph and how many examples stand side by side in it: 1 where one graph serves them all.
    """
    parts = [] if wire is None else [wire.heard]
    if wire is not None and brought.graph is not None and not crossing:
        parts.append(brought.graph)
    packed = None if wire is None or crossing else brought.packed(mask)
    parts = parts if packed is None else [packed, *parts]
    one_for_all = mask.alike and not any(isinstance(part, tuple) or needs_of(part) for part in parts)
    examples = 1 if one_for_all else mask.batch
    graph = None if parts and mask.everything else mask.graph(examples)
    for part in parts:
        let = laid(mask, part, examples, brought, crossing)
        graph = let if graph is None else graph & let
    assert graph is not None
    if parts and (mask.rows > 1 or mask.row_start == 0):
        _check_heard(mask, graph, examples)
    return graph, examples


def _check_heard(mask: OwnMask, graph: Graph, examples: int) -> None:
    """Refuse a graph in which nobody of an example hears anybody; single receivers may, and get zeros."""
    edges = graph.edge_offsets[:: max(mask.rows, 1)].diff().tolist() if mask.rows else []
    for example, (count, (first, stop)) in enumerate(zip(edges, mask.extents[:examples], strict=True)):
        if count == 0 and first < min(stop, mask.row_start + mask.rows):
            raise ValueError(
                f"rewire: nobody of example {example} hears anybody: the model's own mask and the pattern share none "
                f"of its {mask.rows} x {mask.columns} pairs; a causal model needs a pattern that looks back, such as "
                "window(8, 0)"
            )


def laid(mask: OwnMask, part: One | tuple[One, ...], examples: int, brought: Brought, crossing: bool) -> Graph:
    """A pattern, or a pattern for each example, on the positions of the mask."""
    stretches = whole_examples(mask, examples) if crossing else brought.cut(mask, mask.stretches(examples))
    if isinstance(part, Pattern):
        return by_pattern(mask, part, stretches, examples, brought, crossing)
    graphs = []
    given = part if isinstance(part, tuple) else (part,) * mask.batch
    for example, one in enumerate(for_each(given, mask.batch, brought.copies, "graph")[:examples]):
        if isinstance(one, Pattern):
            own = [stretch for stretch in stretches if stretch.example == example]
            moved = [stretch._replace(example=0) for stretch in own]
            graphs.append(by_pattern(mask, one, moved, 1, brought, crossing, example))
        else:
            graphs.append(by_graph(mask, one, example, brought, crossing))
    return graphs[0] if examples == 1 else Graph.batch(graphs)


def by_pattern(
    mask: OwnMask,
    pattern: Pattern,
    stretches: Sequence[Stretch],
    examples: int,
    brought: Brought,
    crossing: bool,
    example: int | None = None,
) -> Graph:
    """Each stretch counts from its own first position, so that neither padding nor packing moves a pattern."""
    rows, senders = [], []
    for stretch in stretches:
        first, stop = (0, mask.row_start + mask.rows) if crossing else stretch[1:]
        rows.append((max(first, mask.row_start), min(stop, mask.row_start + mask.rows)))
        senders.append(stretch.stop - stretch.first if crossing else max(0, rows[-1][1] - first))
    pairs = [(s, r, n) for s, r, n in zip(stretches, rows, senders, strict=True) if r[0] < r[1] and n > 0]
    if not crossing and mask.real is not None:
        pairs = sorted(pairs + _padding_after(mask, pattern, stretches), key=lambda pair: (pair[0].example, pair[1]))
    if not pairs:
        return _nobody(mask, examples)
    told = brought.of_stretches(pattern, mask, [(stretch, n) for stretch, _, n in pairs], example)
    lengths = [stop - first for _, (first, stop), _ in pairs]
    if examples == len(pairs) == 1 and (lengths[0], pairs[0][2]) == (mask.rows, mask.columns):
        return pattern.build(mask.rows, mask.columns, **told[0])
    # Senders may be fewer than receivers where one node set hears another.
    if all(n >= r for r, n in zip(lengths, (n for *_, n in pairs), strict=True)):
        graph = pattern.build_batch(
            lengths, [n - r for r, (*_, n) in zip(lengths, pairs, strict=True)], **together(told)
        )
    else:
        graph = Graph.batch([pattern.build(r, n, **own) for r, (*_, n), own in zip(lengths, pairs, told, strict=True)])
    row_of = torch.cat([torch.arange(a, b) - mask.row_start + s.example * mask.rows for s, (a, b), _ in pairs])
    shifts = torch.tensor([s.example * mask.columns + s.first - mask.column_start for s, *_ in pairs])
    return placed(mask, graph, row_of, shifts, examples)


def _padding_after(mask: OwnMask, pattern: Pattern, stretches: Sequence[Stretch]) -> list[Any]:
    """Receivers behind the last token of each example, which some models read: positions count on, if the rule can."""
    found = []
    for stretch in {one.example: one for one in stretches}.values():
        end = mask.row_start + mask.rows
        rows, count = (max(stretch.stop, mask.row_start), end), end - stretch.first
        if stretch.first < stretch.stop < end and pattern.intervals(count - 1, count) is not None:
            try:
                pattern.check(Nodes.of(rows[1] - rows[0], count))
            except ValueError:
                continue
            found.append((stretch, rows, count))
    return found


def by_graph(mask: OwnMask, graph: Graph, example: int, brought: Brought, crossing: bool) -> Graph:
    """A graph given for one example: on its tokens without padding, or on all positions with it."""
    first, stop = mask.extents[example]
    count = mask.column_start + mask.columns
    nodes = (graph.num_receivers, graph.num_senders)
    if crossing:
        last = mask.row_start + mask.rows
        if nodes[0] < last or (nodes[0] > last and not brought.growing) or nodes[1] not in (stop - first, count):
            raise ValueError(
                f"rewire: the graph of example {example} has {nodes[0]} receivers and {nodes[1]} senders, but its "
                f"target has {last} positions and its source {stop - first} tokens ({count} with padding)"
            )
        start = first if nodes[1] == stop - first else 0
        part, row_of, shift = graph[mask.row_start : last], torch.arange(mask.rows), start
    else:
        stop = min(stop, mask.row_start + mask.rows)
        start = first if nodes[0] != count or brought.growing else 0
        longer = nodes[0] > stop - first and brought.growing
        if nodes[0] != nodes[1] or (nodes[0] not in (stop - first, count) and not longer):
            raise ValueError(
                f"rewire: the graph of example {example} has {nodes[0]} receivers and {nodes[1]} senders, but the "
                f"example has {stop - first} tokens ({count} positions with padding); a node for each token, or for "
                "each position"
            )
        low, high = max(start, mask.row_start), min(start + nodes[0], mask.row_start + mask.rows)
        part, row_of, shift = graph[low - start : max(low, high) - start], torch.arange(low, high), start
        row_of -= mask.row_start
    one = Graph._trusted(part.to("cpu").runs, graph.num_senders)
    return placed(mask, one, row_of, torch.tensor([shift - mask.column_start]), 1)


def placed(mask: OwnMask, graph: Graph, row_of: Tensor, shifts: Tensor, examples: int) -> Graph:
    """Graphs side by side, moved to their rows and columns in the batch; columns that are not kept fall away."""
    runs = graph.runs
    row = receiver_of_run(runs)
    which = torch.repeat_interleave(torch.arange(graph.num_graphs), graph.receiver_offsets.diff())[row]
    shift = (shifts - graph.sender_offsets[:-1])[which]
    at = row_of[row]
    least = at // max(mask.rows, 1) * mask.columns
    start = torch.maximum(runs.start + shift, least)
    stop = torch.minimum(runs.stop + shift, least + mask.columns)
    kept = start < stop
    counts = torch.bincount(at[kept], minlength=examples * mask.rows)
    offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    moved = Runs(offsets, start[kept].to(torch.int32), stop[kept].to(torch.int32))
    return union(moved, mask.rows, mask.columns, examples)


def whole_examples(mask: OwnMask, examples: int) -> list[Stretch]:
    """The source of each example, whatever its positions say."""
    return [Stretch(example, first, stop) for example, (first, stop) in enumerate(mask.extents[:examples])]


def _nobody(mask: OwnMask, examples: int) -> Graph:
    none = torch.zeros(0, dtype=torch.int32)
    return union(
        Runs(torch.zeros(examples * mask.rows + 1, dtype=torch.int64), none, none), mask.rows, mask.columns, examples
    )
