"""Every drop-in layer equals PyG's: outputs and all gradients, by what "equal" is promised to mean."""

import pytest
import torch
from tests.equal import assert_all_equal_as_promised
from tests.layers.pyg_cases import CASES, GRAPHS, PAIRS, Case, call, compared

from edgewise.graph import Graph
from edgewise.layers import convolutions

IRREGULAR = [(case, "more senders" if case.pair else "some self-loops") for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_outputs_and_gradients_equal_those_of_pyg(case):
    theirs, ours = case.both()
    for name, (num_senders, num_receivers, edge_index) in (PAIRS if case.pair else GRAPHS).items():
        inputs = case.inputs(num_senders, num_receivers, edge_index.shape[1])
        try:
            assert_all_equal_as_promised(*compared(theirs, ours, case, edge_index, inputs))
        except AssertionError as failed:
            raise AssertionError(f"on the graph {name!r}: {failed}") from None


@pytest.mark.parametrize(("case", "name"), IRREGULAR, ids=str)
def test_they_are_as_accurate_as_those_of_pyg_in_float32(case, name):
    num_senders, num_receivers, edge_index = (PAIRS if case.pair else GRAPHS)[name]
    theirs, ours = case.both(torch.float32)
    inputs = case.inputs(num_senders, num_receivers, edge_index.shape[1], torch.float32)
    found, expected = compared(theirs, ours, case, edge_index, inputs)
    _, exact = compared(theirs.double(), ours.double(), case, edge_index, [x.double() for x in inputs])
    assert_all_equal_as_promised(found, expected, exact)


def test_the_comparison_fails_on_a_wrong_answer():
    case = Case("GATConv", {"heads": 2, "edge_dim": 2}, features=2)
    _, _, edge_index = GRAPHS["some self-loops"]
    inputs = case.inputs(9, 9, edge_index.shape[1])
    theirs, ours = case.both()
    right, _ = compared(theirs, ours, case, edge_index, inputs)
    for weight in ours.parameters():
        weight.data.mul_(1.0001)
        found, expected = compared(theirs, ours, case, edge_index, inputs)
        with pytest.raises(AssertionError, match="not equal"):
            assert_all_equal_as_promised(found, expected)
        weight.data.div_(1.0001)
    found, _ = compared(theirs, ours, case, edge_index, [inputs[0], inputs[1].flip(0)])
    told = 0
    for mine, other in zip(found, right, strict=True):
        try:
            assert_all_equal_as_promised([mine], [other])
        except AssertionError:
            told += 1
    assert told == len(right) - 1  # the bias alone has the same gradient whatever the edges carry


@pytest.mark.parametrize(("case", "name"), IRREGULAR, ids=str)
def test_a_graph_in_place_of_the_edge_index_gives_the_same(case, name):
    num_senders, num_receivers, edge_index = (PAIRS if case.pair else GRAPHS)[name]
    _, ours = case.both()
    inputs = case.inputs(num_senders, num_receivers, edge_index.shape[1])
    graph, order = Graph.from_pyg(edge_index, (num_senders, num_receivers), return_order=True)
    nodes = 2 if case.pair else 1
    in_graph_order = [*inputs[:nodes], *(x[order] for x in inputs[nodes:])]
    assert torch.equal(call(ours, case, graph, in_graph_order), call(ours, case, edge_index, inputs))


@pytest.mark.parametrize(("case", "name"), IRREGULAR, ids=str)
def test_shuffling_the_edges_with_their_features_changes_nothing(case, name):
    num_senders, num_receivers, edge_index = (PAIRS if case.pair else GRAPHS)[name]
    _, ours = case.both()
    inputs = case.inputs(num_senders, num_receivers, edge_index.shape[1])
    order = torch.randperm(edge_index.shape[1], generator=torch.Generator().manual_seed(3))
    nodes = 2 if case.pair else 1
    shuffled = [*inputs[:nodes], *(x[order] for x in inputs[nodes:])]
    assert torch.equal(call(ours, case, edge_index[:, order], shuffled), call(ours, case, edge_index, inputs))


@pytest.mark.parametrize("case", [case for case in CASES if not case.pair], ids=str)
def test_relabelling_the_nodes_permutes_the_output(case):
    num_nodes, _, edge_index = GRAPHS["some self-loops"]
    _, ours = case.both()
    nodes, *edges = case.inputs(num_nodes, num_nodes, edge_index.shape[1])
    order = torch.randperm(num_nodes, generator=torch.Generator().manual_seed(3))
    relabelled = call(ours, case, order.argsort()[edge_index], [nodes[order], *edges])
    torch.testing.assert_close(relabelled, call(ours, case, edge_index, [nodes, *edges])[order])


def test_ties_of_a_maximum_share_the_gradient_as_in_pyg():
    case = Case("SAGEConv", {"aggr": "max"})
    theirs, ours = case.both()
    _, _, edge_index = GRAPHS["some self-loops"]
    # Not 0: PyTorch's scatter_reduce keeps a share of the gradient for the zero it starts from.
    inputs = [torch.randint(1, 3, (9, 4), generator=torch.Generator().manual_seed(0)).double()]
    assert_all_equal_as_promised(*compared(theirs, ours, case, edge_index, inputs))


def test_a_gaussian_mixture_without_root_weight_equals_pyg():
    # PyG 2.8 gives such a layer no attribute `root`, which its forward then asks for.
    case = Case("GMMConv", {"dim": 2, "kernel_size": 3, "root_weight": False}, 2)
    theirs, ours = case.both()
    theirs.root = None
    _, _, edge_index = GRAPHS["no self-loops"]
    inputs = case.inputs(9, 9, edge_index.shape[1])
    assert_all_equal_as_promised(*compared(theirs, ours, case, edge_index, inputs))


@pytest.mark.parametrize("name", ["GATConv", "GATv2Conv"])
def test_a_pair_of_node_sets_of_one_width_may_share_a_projection(name):
    theirs, ours = Case(name, {"heads": 2, "share_weights": True} if name == "GATv2Conv" else {}).both()
    x = torch.randn(9, 4, dtype=torch.float64), torch.randn(9, 4, dtype=torch.float64)
    _, _, edge_index = GRAPHS["some self-loops"]
    torch.testing.assert_close(ours(x, edge_index), theirs(x, edge_index))


def test_one_number_an_edge_may_come_without_a_second_dimension():
    _, ours = Case("GATConv", {"edge_dim": 1}, features=1).both()
    _, _, edge_index = GRAPHS["no self-loops"]
    x, edges = Case("GATConv", features=1).inputs(9, 9, edge_index.shape[1])
    assert torch.equal(ours(x, edge_index, edges[:, 0]), ours(x, edge_index, edges))


def test_leading_batch_dimensions_are_on_the_same_graph():
    _, ours = Case("TransformerConv", {"heads": 2}).both()
    _, _, edge_index = GRAPHS["no self-loops"]
    x = torch.randn(3, 9, 4, dtype=torch.float64)
    torch.testing.assert_close(ours(x, edge_index), torch.stack([ours(example, edge_index) for example in x]))


@pytest.mark.parametrize("name", ["GATConv", "GATv2Conv", "TransformerConv"])
def test_edges_fall_out_in_training_only(name):
    _, ours = Case(name, {"heads": 2, "dropout": 0.5}).both()
    _, _, edge_index = GRAPHS["some self-loops"]
    x = torch.randn(9, 4, dtype=torch.float64)
    assert torch.equal(ours(x, edge_index), ours(x, edge_index))
    ours.train()
    assert not torch.equal(ours(x, edge_index), ours(x, edge_index))


@pytest.mark.parametrize(
    "case", [Case("GCNConv"), Case("SAGEConv"), Case("GINConv", {"eps": 0.5}), Case("TransformerConv")], ids=str
)
def test_parameters_can_be_drawn_anew(case):
    ours = case.built(convolutions, torch.float32)
    before = {name: x.clone() for name, x in ours.state_dict().items()}
    ours.reset_parameters()
    after = ours.state_dict()
    assert not any(torch.equal(before[name], after[name]) for name in before if before[name].dim() == 2)
    assert all(x.isfinite().all() for x in after.values())
    if case.name == "GINConv":
        assert torch.equal(after["layer.root.epsilon"], torch.tensor([0.5]))


def test_the_arguments_are_kept_under_the_names_of_pyg():
    ours = convolutions.GATConv((4, 6), 3, heads=2, concat=False)
    assert (ours.in_channels, ours.out_channels, ours.heads, ours.concat, ours.negative_slope) == (
        (4, 6),
        3,
        2,
        False,
        0.2,
    )
    assert "heads=2, concat=False" in repr(ours)
