import pytest
import torch

from edgewise.graph import Graph, density, summary
from edgewise.graph.summary import Spread


def masks():
    chance = torch.Generator().manual_seed(0)
    for rows, columns in [(1, 1), (3, 3), (7, 7), (5, 9), (33, 33), (0, 0), (0, 4), (4, 0)]:
        for share in (0.0, 0.2, 0.9, 1.0):
            yield torch.rand(rows, columns, generator=chance) < share


@pytest.mark.parametrize("mask", list(masks()), ids=lambda mask: f"{list(mask.shape)} {int(mask.sum())}")
def test_every_figure_is_that_of_the_mask(mask):
    graph = Graph.from_mask(mask)
    found = summary(graph)
    heard, hearers = mask.sum(1), mask.sum(0)
    rows, columns = mask.shape
    square = rows == columns
    assert (found.num_receivers, found.num_senders, found.num_edges) == (rows, columns, int(mask.sum()))
    assert found.density == pytest.approx(float(mask.double().mean()) if mask.numel() else 0.0)
    assert (found.deaf, found.unheard) == (int((heard == 0).sum()), int((hearers == 0).sum()))
    for spread, counts in ((found.heard, heard), (found.hearers, hearers)):
        expected = (counts.min(), counts.median(), counts.max()) if len(counts) else (0, 0, 0)
        assert spread == Spread(*map(int, expected))
    assert found.isolated == (int(((heard == 0) & (hearers == 0)).sum()) if square else 0)
    assert found.symmetric == (square and torch.equal(mask, mask.T))
    # Receiver i is aligned with sender i + senders - receivers.
    assert found.self_loops == int(mask.diagonal(columns - rows).sum()) or rows > columns
    assert found.num_runs == graph.num_runs
    assert found.num_bytes == 8 * (rows + 1) + 8 * graph.num_runs


@pytest.mark.parametrize("mask", list(masks()), ids=lambda mask: f"{list(mask.shape)} {int(mask.sum())}")
@pytest.mark.parametrize("cells", [1, 2, 4, 100])
def test_the_density_of_a_cell_is_the_mean_of_the_mask_in_it(mask, cells):
    seen = density(Graph.from_mask(mask), cells)
    rows, columns = (min(cells, size) for size in mask.shape)
    assert seen.shape == (rows, columns)
    for r in range(rows):
        for c in range(columns):
            inside = mask[torch.arange(len(mask)) * rows // len(mask) == r][
                :, torch.arange(mask.shape[1]) * columns // mask.shape[1] == c
            ]
            assert seen[r, c].item() == pytest.approx(inside.double().mean().item())


def test_a_graph_whose_pairs_fill_no_memory_is_summed_up():
    n = 200_000
    graph = Graph(
        torch.arange(n + 1), torch.zeros(n, dtype=torch.int32), torch.full((n,), n, dtype=torch.int32), num_senders=n
    )
    found = summary(graph)
    assert found.num_edges == n * n and found.density == 1.0 and found.symmetric and found.self_loops == n
    assert torch.equal(density(graph, 7), torch.ones(7, 7, dtype=torch.float64))
