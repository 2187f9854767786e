"""Norms equal their formulas; a batch norm counts every node, and does not fall over one."""

import pytest
import torch

from edgewise.layers import NORMS
from edgewise.part import Part


def built(name: str, **options) -> torch.nn.Module:
    norm = Part(name, options).build(NORMS, "norm", dim=5)
    for parameter in norm.parameters():
        torch.nn.init.uniform_(parameter, 0.5, 2)
    return norm


FORMULAS = {
    "layer": lambda n, x: (
        (x - x.mean(-1, True)) / (x.var(-1, correction=0, keepdim=True) + 1e-5).sqrt() * n.weight + n.bias
    ),
    "rms": lambda n, x: x / (x.square().mean(-1, True) + 1e-6).sqrt() * n.weight,
    "batch": lambda n, x: (x - x.mean((0, 1))) / (x.var((0, 1), correction=0) + 1e-5).sqrt() * n.weight + n.bias,
    "unit": lambda n, x: x / x.norm(dim=-1, keepdim=True),
    "identity": lambda n, x: x,
}


@pytest.mark.parametrize("name", NORMS)
def test_a_norm_is_its_formula(name):
    torch.manual_seed(0)
    norm, x = built(name), torch.randn(2, 7, 5)
    torch.testing.assert_close(norm(x), FORMULAS[name](norm, x))


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("nodes", [0, 1, 3])
def test_any_number_of_nodes_passes(name, training, nodes):
    x = torch.randn(nodes, 5, requires_grad=True)
    out = built(name).train(training)(x)
    assert out.shape == (nodes, 5)
    assert out.isfinite().all()
    out.sum().backward()
    assert x.grad.isfinite().all()


def test_batch_norm_keeps_running_statistics_of_every_node():
    torch.manual_seed(0)
    norm, x = built("batch", momentum=1.0), torch.randn(3, 4, 5) * 2 + 1
    norm(x)
    torch.testing.assert_close(norm.running_mean, x.mean((0, 1)))
    torch.testing.assert_close(norm.running_var, x.var((0, 1)))
    expected = (x - norm.running_mean) / (norm.running_var + 1e-5).sqrt() * norm.weight + norm.bias
    torch.testing.assert_close(norm.eval()(x), expected)


def test_a_node_alone_is_normalised_by_the_running_statistics_and_does_not_move_them():
    norm = built("batch")
    norm(torch.randn(9, 5) + 3)
    before, x = norm.running_mean.clone(), torch.randn(1, 5)
    in_training = norm(x)
    assert torch.equal(norm.running_mean, before)
    assert torch.equal(in_training, norm.eval()(x))


@pytest.mark.parametrize(("name", "eps"), [("layer", 1e-12), ("rms", 1e-5), ("batch", 1e-3)])
def test_epsilon_is_set(name, eps):
    assert built(name, eps=eps).eps == eps


def test_an_unknown_norm_lists_the_known_ones():
    with pytest.raises(
        ValueError, match=r"unknown norm 'layr'\. Known: batch, identity, layer, rms, unit\. Did you mean 'layer'\?"
    ):
        built("layr")
