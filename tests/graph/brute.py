"""Graphs and masks, one turned into the other by plain loops, so that nothing here leans on what is tested."""

import torch
from hypothesis import strategies as st
from torch import Tensor

from edgewise.graph import Graph

SIZES = [(0, 0), (0, 3), (3, 0), (1, 1), (1, 7), (7, 1), (5, 5), (9, 4), (3, 33)]


def masks():
    """Masks of any small shape."""
    return st.tuples(st.integers(0, 7), st.integers(0, 7)).flatmap(lambda shape: masks_of(*shape))


def square_masks(most=7):
    return st.integers(0, most).flatmap(lambda n: masks_of(n, n))


def pairs_of_masks():
    shapes = st.tuples(st.integers(0, 6), st.integers(0, 9))
    return shapes.flatmap(lambda shape: st.tuples(masks_of(*shape), masks_of(*shape)))


def masks_of(rows: int, columns: int):
    bits = st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns)
    return bits.map(lambda drawn: torch.tensor(drawn, dtype=torch.bool).reshape(rows, columns))


def random_mask(rows: int, columns: int, density: float = 0.4, seed: int = 0) -> Tensor:
    return torch.rand(rows, columns, generator=torch.Generator().manual_seed(seed)) < density


def graph_of(mask: Tensor) -> Graph:
    """Runs found by looking at one entry after another, through the checked constructor."""
    offsets, start, stop = [0], [], []
    for row in mask.tolist():
        for j, heard in enumerate(row):
            if heard and (j == 0 or not row[j - 1]):
                start.append(j)
            if heard and (j + 1 == len(row) or not row[j + 1]):
                stop.append(j + 1)
        offsets.append(len(start))
    return Graph(
        torch.tensor(offsets),
        torch.tensor(start, dtype=torch.int32),
        torch.tensor(stop, dtype=torch.int32),
        num_senders=mask.shape[1],
    )


def mask_of(graph: Graph) -> Tensor:
    mask = torch.zeros(graph.num_receivers, graph.num_senders, dtype=torch.bool)
    offsets, start, stop = (array.tolist() for array in graph.runs)
    for i in range(graph.num_receivers):
        for k in range(offsets[i], offsets[i + 1]):
            for j in range(start[k], stop[k]):
                assert not mask[i, j], f"receiver {i} hears sender {j} twice"
                mask[i, j] = True
    return mask


def assert_graph(graph: Graph, mask: Tensor) -> None:
    """The graph has these edges and no others, and its runs are what the checked constructor accepts."""
    assert (graph.num_receivers, graph.num_senders) == tuple(mask.shape)
    assert torch.equal(mask_of(graph), mask), f"{mask_of(graph).int()} instead of {mask.int()}"
    Graph(
        *graph.runs,
        num_senders=graph.num_senders,
        receiver_offsets=graph.receiver_offsets,
        sender_offsets=graph.sender_offsets,
    )


def edge_ids(mask: Tensor) -> Tensor:
    """The number of each edge at its place in the mask, -1 elsewhere."""
    ids = torch.full(mask.shape, -1)
    count = 0
    for i in range(mask.shape[0]):
        for j in range(mask.shape[1]):
            if mask[i, j]:
                ids[i, j] = count
                count += 1
    return ids


def block_diagonal(masks: list[Tensor]) -> Tensor:
    return (
        torch.block_diag(*[mask.int() for mask in masks])
        .bool()
        .reshape(sum(mask.shape[0] for mask in masks), sum(mask.shape[1] for mask in masks))
    )
