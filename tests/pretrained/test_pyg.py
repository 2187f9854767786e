"""PyG's names and ours: both ways exactly, whole models too, and one clear error for what does not fit."""

import subprocess
import sys

import pytest
import torch
import torch_geometric.nn as pyg
from tests.equal import assert_equal_as_promised
from tests.layers.pyg_cases import CASES, GRAPHS, Case
from torch import nn

from edgewise.layers import convolutions
from edgewise.pretrained import PYG, from_pyg, to_pyg
from edgewise.pretrained.pyg import copy_weights


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class Model(nn.Module):
    """A model as PyG users write them, of the convolutions of one library or the other."""

    def __init__(self, library):
        super().__init__()
        inner = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 5))
        self.convs = nn.ModuleList([library.GATConv(4, 3, heads=2), library.GINConv(inner, train_eps=True)])
        self.norm = nn.BatchNorm1d(5)
        self.head = nn.Linear(5, 2)

    def forward(self, x, edge_index):
        x = self.convs[0](x, edge_index).relu()
        return self.head(self.norm(self.convs[1](x, edge_index)))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_there_and_back_is_the_same_state_exactly(case):
    theirs, ours = case.built(pyg, torch.float32), case.built(convolutions, torch.float32)
    state = theirs.state_dict()
    back = to_pyg(from_pyg(state, ours), ours)
    if case.name == "TransformerConv" and not case.arguments.get("root_weight", True):
        state = {name: torch.zeros_like(x) if name.startswith("lin_skip") else x for name, x in state.items()}
    assert equal(back, state)
    theirs.load_state_dict(back)
    assert equal(from_pyg(to_pyg(ours.state_dict(), ours), ours), ours.state_dict())


def test_every_convolution_has_its_names():
    kinds = {name for name in convolutions.__all__ if name != "Convolution"}
    assert {name.partition(" ")[0] for name in PYG} == kinds


def test_a_model_made_of_convolutions_is_copied_whole():
    torch.manual_seed(0)
    theirs, ours = Model(pyg), Model(convolutions)
    theirs.norm.running_mean.normal_()
    copy_weights(theirs, ours)
    _, _, edge_index = GRAPHS["some self-loops"]
    x = torch.randn(9, 4)
    assert_equal_as_promised(ours.eval()(x, edge_index), theirs.eval()(x, edge_index))
    assert equal(to_pyg(ours.state_dict(), ours), theirs.state_dict())


def test_what_is_missing_or_unknown_is_named_in_one_error():
    ours = convolutions.GATConv(4, 2, residual=True)
    state = pyg.GATConv(4, 2, edge_dim=3).state_dict()
    with pytest.raises(ValueError, match=r"PyG: .*missing res.weight; unknown att_edge, lin_edge.weight"):
        from_pyg(state, ours)
    with pytest.raises(ValueError, match=r"of another shape lin.weight \[2, 5\] \(expected \[2, 4\]\)"):
        from_pyg(pyg.GATConv(5, 2).state_dict(), convolutions.GATConv(4, 2))
    left = from_pyg(state, convolutions.GATConv(4, 2), skip=["*_edge*"])
    assert equal(
        left, from_pyg({name: x for name, x in state.items() if "_edge" not in name}, convolutions.GATConv(4, 2))
    )


def test_weights_that_are_shared_must_be_the_same():
    ours = convolutions.GATv2Conv(4, 2, share_weights=True)
    state = pyg.GATv2Conv(4, 2, share_weights=False).state_dict()
    with pytest.raises(ValueError, match=r"lin_r.weight and lin_l.weight are one tensor here \(share_weights\), but"):
        from_pyg(state, ours)


@pytest.mark.parametrize("name", ["GATConv", "GATv2Conv"])
def test_a_layer_of_two_node_sets_has_names_of_its_own(name):
    case = Case(name, {"add_self_loops": False}, channels=(4, 6))
    theirs, ours = case.both()
    assert equal(to_pyg(ours.state_dict(), ours), theirs.state_dict())


@pytest.mark.parametrize(
    ("name", "theirs", "ours", "told"),
    [
        ("GATConv", {"concat": False}, {}, "copy_weights: concat is False in theirs and True in ours"),
        ("GATConv", {"negative_slope": 0.1}, {}, "negative_slope is 0.1 in theirs and 0.2 in ours"),
        ("GCNConv", {"normalize": False}, {"add_self_loops": False}, "normalize is False in theirs and True in ours"),
        ("GCNConv", {"improved": True}, {}, "improved is True in theirs and False in ours"),
        ("SAGEConv", {"aggr": "sum"}, {"aggr": "max"}, "aggr is 'sum' in theirs and 'max' in ours"),
        ("SAGEConv", {"flow": "target_to_source"}, {}, "flow is 'target_to_source' in theirs and 'source_to_target'"),
    ],
)
def test_arguments_that_no_weight_shows_must_be_the_same(name, theirs, ours, told):
    with pytest.raises(ValueError, match=told):
        copy_weights(getattr(pyg, name)(4, 2, **theirs), getattr(convolutions, name)(4, 2, **ours))


def test_the_sum_has_two_names():
    copy_weights(pyg.SAGEConv(4, 2, aggr="add"), convolutions.SAGEConv(4, 2, aggr="sum"))


def test_another_kind_of_convolution_is_refused():
    with pytest.raises(TypeError, match="copy_weights: theirs must be PyG's GATConv, as ours, got GATv2Conv"):
        copy_weights(pyg.GATv2Conv(4, 2), convolutions.GATConv(4, 2))
    with pytest.raises(
        TypeError, match="from_pyg, to_pyg: Linear holds no convolution of edgewise.layers.convolutions"
    ):
        from_pyg({}, nn.Linear(4, 2))


def test_a_convolution_without_names_is_refused():
    class Own(convolutions.Convolution):
        pass

    with pytest.raises(ValueError, match="unknown convolution 'Own'. Known: GATConv"):
        from_pyg({}, Own(4, 2, convolutions.GCNConv(4, 2).layer.hearing))


def test_the_names_need_no_pyg():
    code = "import sys, edgewise.pretrained.pyg; assert 'torch_geometric' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
