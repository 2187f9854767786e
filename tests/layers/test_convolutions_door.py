"""What the drop-in layers take and refuse, and what they keep of an edge_index."""

import gc
import inspect

import pytest
import torch
from torch_geometric import EdgeIndex

from edgewise.graph import Graph
from edgewise.layers.convolutions import (
    Convolution,
    GATConv,
    GATv2Conv,
    GCNConv,
    GINConv,
    GMMConv,
    SAGEConv,
    TransformerConv,
)
from edgewise.layers.convolutions.edge_index import _KEPT, sorted_edges

EDGE_INDEX = torch.tensor([[0, 1, 2, 0], [1, 2, 0, 2]])
X = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


def test_an_edge_index_is_sorted_once():
    edge_index = EDGE_INDEX.clone()
    first = sorted_edges(edge_index, 3, 3, "test")
    assert sorted_edges(edge_index, 3, 3, "test") is first
    assert sorted_edges(edge_index.clone(), 3, 3, "test") is not first
    assert sorted_edges(edge_index, 4, 3, "test").graph.num_senders == 4
    assert sorted_edges(edge_index, 3, 3, "test") is first


@pytest.mark.parametrize("change", ["write", "resize", "other memory"])
def test_a_changed_edge_index_is_sorted_anew(change):
    edge_index = EDGE_INDEX.clone()
    layer = SAGEConv(4, 2)
    layer(X, edge_index)
    if change == "write":
        edge_index[0, 0] = 2
    elif change == "resize":
        edge_index.resize_(2, 2)
    else:
        edge_index.data = torch.tensor([[2, 1], [1, 2]])
    assert torch.equal(layer(X, edge_index), layer(X, Graph.from_pyg(edge_index, 3)))


def test_what_was_kept_goes_with_the_edge_index():
    gc.collect()
    before = len(_KEPT)
    edge_index = EDGE_INDEX.clone()
    sorted_edges(edge_index, 3, 3, "test")
    assert len(_KEPT) == before + 1
    del edge_index
    gc.collect()
    assert len(_KEPT) == before


def test_an_inference_tensor_is_sorted_each_time():
    with torch.inference_mode():
        edge_index = EDGE_INDEX.clone()
        layer = SAGEConv(4, 2)
        layer(X, edge_index)
        edge_index[0, 0] = 2
        assert torch.equal(layer(X, edge_index), layer(X, Graph.from_pyg(edge_index, 3)))


def test_edges_that_come_in_order_are_not_reordered():
    graph, order = sorted_edges(torch.tensor([[1, 0], [0, 1]]), 2, 2, "test")
    assert graph.num_edges == 2 and order is None
    assert torch.equal(sorted_edges(torch.tensor([[0, 1], [1, 0]]), 2, 2, "test").order, torch.tensor([1, 0]))


def test_every_integer_may_number_the_nodes():
    layer = GATConv(4, 2)
    expected = layer(X, EDGE_INDEX)
    for dtype in (torch.int32, torch.int16):
        assert torch.equal(layer(X, EDGE_INDEX.to(dtype)), expected)


def test_an_edge_index_of_pyg_that_knows_its_sizes_is_taken():
    layer = GATConv(4, 2)
    edge_index = EdgeIndex(EDGE_INDEX, sparse_size=(3, 3))
    assert torch.equal(layer(X, edge_index), layer(X, EDGE_INDEX))


def test_a_repeated_edge_is_refused_and_the_mend_is_named():
    repeated = torch.tensor([[0, 1, 0, 2, 1], [1, 2, 1, 0, 2]])
    with pytest.raises(
        ValueError, match=r"GATConv: 2 columns of edge_index repeat an earlier one, first column 2, 0 -> 1"
    ):
        GATConv(4, 2)(X, repeated)
    with pytest.raises(ValueError, match=r"torch_geometric.utils.coalesce\(edge_index, edge_attr\) merges them"):
        GATConv(4, 2)(X, repeated)


def test_an_index_out_of_range_is_refused():
    with pytest.raises(IndexError, match=r"senders\[3\] is 3; node numbers must lie between 0 and 2"):
        GCNConv(4, 2)(X, torch.tensor([[0, 1, 2, 3], [1, 2, 0, 2]]))


@pytest.mark.usefixtures("unchecked_shapes")
def test_what_is_no_edge_index_is_refused():
    with pytest.raises(ValueError, match=r"SAGEConv: edge_index must be \[2, edges\], got \[3, 4\]"):
        SAGEConv(4, 2)(X, torch.zeros(3, 4, dtype=torch.long))
    with pytest.raises(TypeError, match=r"SAGEConv: edge_index must be a dense \[2, edges\], got torch.sparse_coo"):
        SAGEConv(4, 2)(X, torch.eye(3).to_sparse())
    with pytest.raises(TypeError, match="senders must be integers, got torch.float32"):
        SAGEConv(4, 2)(X, torch.zeros(2, 4))


@pytest.mark.usefixtures("unchecked_shapes")
def test_edge_features_need_a_row_an_edge():
    layer = GATConv(4, 2, edge_dim=2)
    with pytest.raises(ValueError, match=r"GATConv: edge features need a row for each of the 4 edges, got \[5, 2\]"):
        layer(X, EDGE_INDEX, torch.randn(5, 2))
    with pytest.raises(ValueError, match=r"edge features must be \[4, 2\], got \[5, 2\]"):
        layer(X, Graph.from_pyg(EDGE_INDEX, 3), torch.randn(5, 2))
    with pytest.raises(ValueError, match="edge features"):
        layer(X, EDGE_INDEX, torch.randn(4, 3))


@pytest.mark.parametrize("kind", [GATConv, GATv2Conv, TransformerConv])
def test_edge_features_are_given_if_and_only_if_they_are_declared(kind):
    with pytest.raises(ValueError, match=r"expected edge features \[., 2\], got none"):
        kind(4, 2, edge_dim=2)(X, EDGE_INDEX)
    with pytest.raises(ValueError, match=r"expected edge features none, got \[., 2\]"):
        kind(4, 2)(X, EDGE_INDEX, torch.randn(4, 2))


@pytest.mark.usefixtures("unchecked_shapes")
def test_weights_of_a_graph_convolution_may_be_left_out():
    layer = GCNConv(4, 2)
    torch.testing.assert_close(layer(X, EDGE_INDEX), layer(X, EDGE_INDEX, torch.ones(4)))
    with pytest.raises(ValueError, match="symmetric: weights must be 'given' or 'optional', got 'sometimes'"):
        GCNConv(4, 2).layer.score.__class__(weights="sometimes")


def test_weights_that_sum_up_to_less_than_nothing_count_as_nobody():
    layer = GCNConv(4, 2, add_self_loops=False)
    out = layer(X, EDGE_INDEX, torch.tensor([-1.0, -1.0, -1.0, 0.5]))
    assert torch.equal(out, torch.zeros(3, 2))


@pytest.mark.usefixtures("unchecked_shapes")
def test_a_pair_of_states_is_refused_where_it_means_nothing():
    with pytest.raises(TypeError, match="GCNConv: x must be one tensor; between two node sets take SAGEConv"):
        GCNConv(4, 2)((X, X), EDGE_INDEX)
    with pytest.raises(ValueError, match=r"SAGEConv: x is \(x_senders, None\); the receivers' own states"):
        SAGEConv(4, 2)((X, None), EDGE_INDEX)
    with pytest.raises(ValueError, match="GATConv: senders have 4 channels and receivers 6; give x as"):
        GATConv((4, 6), 2)(X, EDGE_INDEX)


@pytest.mark.parametrize("kind", [GATConv, GATv2Conv])
def test_self_loops_need_as_many_senders_as_receivers(kind):
    pair = torch.randn(3, 4), torch.randn(4, 4)
    with pytest.raises(ValueError, match="add_self_loops needs as many senders as receivers, got 3 and 4; set"):
        kind((4, 4), 2)(pair, EDGE_INDEX)
    assert kind((4, 4), 2, add_self_loops=False)(pair, EDGE_INDEX).shape == (4, 2)


@pytest.mark.parametrize("kind", [GATConv, GATv2Conv])
@pytest.mark.parametrize("fill_value", ["add", 1.0])
@pytest.mark.usefixtures("unchecked_shapes")
def test_other_features_for_self_loops_are_refused(kind, fill_value):
    with pytest.raises(ValueError, match=f"{kind.__name__}: fill_value must be 'mean', got {fill_value!r}; for other"):
        kind(4, 2, fill_value=fill_value)


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (GCNConv, {"improved": True}),
        (GCNConv, {"normalize": False}),
        (GMMConv, {"dim": 2, "kernel_size": 2, "separate_gaussians": True}),
        (GATConv, {"flow": "target_to_source"}),
        (SAGEConv, {"aggr_kwargs": {}}),
        (TransformerConv, {"node_dim": 0}),
    ],
)
def test_an_argument_that_is_not_meant_is_unknown(kind, arguments):
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        kind(4, 2, **arguments)


def test_an_argument_that_means_nothing_is_refused():
    with pytest.raises(
        ValueError, match="TransformerConv: beta weighs the node's own state, so it needs root_weight=True"
    ):
        TransformerConv(4, 2, beta=True, root_weight=False)
    with pytest.raises(ValueError, match="GMMConv: the maximum of a sum over 3 kernels is no sum of their maxima"):
        GMMConv(4, 2, dim=2, kernel_size=3, aggr="max")
    with pytest.raises(ValueError, match="unknown aggr 'lstm'. Known: add, max, mean, sum"):
        SAGEConv(4, 2, aggr="lstm")
    with pytest.raises(
        ValueError, match="in_channels and out_channels must be at least 1, got -1 and 2; a width is not"
    ):
        GATConv(-1, 2)
    with pytest.raises(
        ValueError, match="GINConv: nn has no module with in_features or in_channels; give in_channels="
    ):
        GINConv(torch.nn.ReLU())
    assert GINConv(torch.nn.ReLU(), in_channels=4)(X, EDGE_INDEX).shape == (3, 4)


def test_a_layer_that_hears_two_node_sets_of_unequal_width_cannot_share_their_projection():
    with pytest.raises(ValueError, match="share='all' needs senders and receivers of one width"):
        GATv2Conv((4, 6), 2, share_weights=True)


def test_every_layer_is_one_message_passing():
    for kind in Convolution.__subclasses__():
        own = {name for name, value in vars(kind).items() if inspect.isfunction(value)}
        assert own <= {"__init__", "forward", "reset_parameters"}, kind
