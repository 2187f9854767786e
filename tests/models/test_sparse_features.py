"""A network on sparse features is the same network on the same features, dense: answers, gradients, dropout."""

import pytest
import torch
from tests.equal import assert_equal_as_promised
from tests.kernels.graphs import irregular
from tests.models.pages import PAGES, network_of

from edgewise.data.sparse import sparse_table
from edgewise.kernels import SparseTable
from edgewise.layers import BlockConfig
from edgewise.models import EmbedConfig, Network, NetworkConfig
from edgewise.part import Part

ONE_WAY = irregular(7, 7, seed=5)
GRAPH = ONE_WAY | ONE_WAY.transpose()
REFUSED = {"sage, several"}  # it takes the maximum of raw features
READ_FEATURES = [
    name
    for name, config in PAGES.items()
    if all(embed.features for embed in config.inputs.values()) and "edges" not in name and name not in REFUSED
]


def tables() -> tuple[torch.Tensor, torch.Tensor]:
    """Features, dense and sparse: one row has none, one column is in no row."""
    x = torch.zeros(7, 5, dtype=torch.float64)
    x[0, 1], x[2, 0], x[5, 3], x[5, 1], x[6, 3] = 1.0, -2.0, 0.5, 3.0, 1.0
    rows, columns = x.nonzero().unbind(1)
    return x, sparse_table(rows, columns, x[rows, columns], (7, 5))


@pytest.mark.parametrize("name", READ_FEATURES)
def test_sparse_features_give_the_dense_answer_and_gradients(name):
    x, words = tables()
    network = network_of(PAGES[name]).double().eval()
    found = {}
    for given in (x, words):
        network.zero_grad()
        answer = network(GRAPH, given)
        answer.square().sum().backward()
        found[given is words] = [answer, *(weight.grad for weight in network.parameters())]
    for here, there in zip(found[True], found[False], strict=True):
        assert (here is None) == (there is None)
        if here is not None:
            assert_equal_as_promised(here, there)


def test_models_that_cannot_say_so():
    network = network_of(PAGES["sage, several"]).double()
    with pytest.raises(TypeError, match="aggregator 'several' sums sparse features as they are, which"):
        network(GRAPH, tables()[1])
    normed = Network(
        NetworkConfig({"nodes": EmbedConfig(dim=5, features=5, project=False)}, (BlockConfig(norm="layer"),))
    )
    with pytest.raises(TypeError, match="SparseTable: aten.* would need the zeros of sparse features, which are proj"):
        normed.double()(GRAPH, tables()[1])


def test_other_layouts_are_refused():
    network = network_of(PAGES["gcn"]).double()
    with pytest.raises(TypeError, match="SparseTable: expected a table in torch.sparse_csr layout, got"):
        network(GRAPH, tables()[0].to_sparse_coo())


def test_dropout_keeps_the_mean_of_what_is_there_and_nothing_else():
    table = SparseTable.of(tables()[1])
    torch.manual_seed(0)
    dropped = torch.stack([torch.nn.Dropout(0.6)(table).entries for _ in range(4000)])
    assert set((dropped / table.entries).unique().round(decimals=6).tolist()) == {0.0, 2.5}
    assert ((dropped == 0).double().mean(0) - 0.6).abs().max() < 0.03
    assert torch.nn.Dropout(0.6).eval()(table) is table


def test_a_table_is_made_once_for_a_tensor():
    words = tables()[1]
    assert SparseTable.of(words) is SparseTable.of(words)
    assert repr(SparseTable.of(words)) == "SparseTable(7 rows, 5 columns, 5 entries)"


def test_values_that_learn_are_read_each_time():
    x, words = tables()
    weight = torch.randn(3, 5, dtype=torch.float64)
    learned = words.detach().clone().requires_grad_()
    y = torch.nn.functional.linear(SparseTable.of(learned), weight, torch.ones(3, dtype=torch.float64))
    assert_equal_as_promised(y, x @ weight.T + 1)


def test_a_half_wide_network_answers_in_its_dtype():
    x, words = tables()
    network = network_of(PAGES["gat"])
    with torch.autocast("cpu", torch.bfloat16):
        assert (network(GRAPH, words.float()) - network(GRAPH, x.float())).abs().max() < 0.05


def test_the_embedding_adds_its_positions():
    embed = EmbedConfig(dim=4, features=5, positions=(Part("degree"),), norm="layer", dropout=0.5)
    network = Network(NetworkConfig({"nodes": embed}, (BlockConfig(),))).double().eval()
    x, words = tables()
    assert_equal_as_promised(network(GRAPH, words), network(GRAPH, x))
