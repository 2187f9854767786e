"""Read-outs equal their formulas over the nodes of each graph of a batch."""

import pytest
import torch
from tests.equal import assert_all_equal_as_promised
from tests.kernels.graphs import complete, forward_and_gradients, numbers

from edgewise.graph import Graph
from edgewise.layers import READOUTS
from edgewise.part import Part

SIZES = [3, 0, 1, 4]
BATCH = Graph.batch([complete(n) for n in SIZES])
FORMULAS = {
    "sum": lambda r, x: x.sum(-2),
    "mean": lambda r, x: x.mean(-2),
    "max": lambda r, x: x.amax(-2),
    "attention": lambda r, x: ((x @ r.score.weight.T + r.score.bias).softmax(-2) * x).sum(-2),
}


def built(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    return Part(name).build(READOUTS, "readout", dim=5).double()


@pytest.mark.parametrize("name", READOUTS)
def test_a_readout_is_its_formula_for_each_graph(name):
    readout, x = built(name), numbers(8, 5)
    parts = [FORMULAS[name](readout, part) if len(part) else torch.zeros(5).double() for part in x.split(SIZES)]
    inputs = [x, *readout.parameters()]
    assert_all_equal_as_promised(
        forward_and_gradients(readout(x, BATCH), inputs), forward_and_gradients(torch.stack(parts), inputs)
    )


@pytest.mark.parametrize("name", READOUTS)
def test_leading_batch_dimensions_are_on_the_same_graphs(name):
    readout, x = built(name), numbers(2, 8, 5)
    torch.testing.assert_close(readout(x, BATCH), torch.stack([readout(each, BATCH) for each in x]))


@pytest.mark.parametrize("name", READOUTS)
def test_one_graph_is_a_batch_of_one(name):
    readout, x = built(name), numbers(4, 5)
    torch.testing.assert_close(readout(x, complete(4)), FORMULAS[name](readout, x)[None])


@pytest.mark.parametrize("name", READOUTS)
def test_no_nodes_read_as_zero(name):
    torch.testing.assert_close(built(name)(numbers(0, 5), complete(0)), torch.zeros(1, 5).double())
