"""Additive scores over narrow heads are computed in many heads at once; nothing but the time changes."""

import math

import pytest
import torch
from tests.equal import assert_all_equal_as_promised
from tests.kernels.compiled_part import LEVELS, fresh, run_here
from tests.kernels.graphs import forward_and_gradients, from_mask, numbers

from edgewise import native
from edgewise.kernels import Additive, EdgeTerm, attend, native_call

NODES, FEATURES = 70, 3
pytestmark = pytest.mark.skipif(not native.available(), reason="this installation has no compiled part")


def some():
    """Five senders a receiver; receiver 3 hears all, all hear sender 5, 7 hears nobody, 8 hears sender 2 alone."""
    mask = torch.rand(NODES, NODES, generator=torch.Generator().manual_seed(0)) < 0.07
    mask[3], mask[:, 5] = True, True
    mask[7], mask[8] = False, torch.arange(NODES) == 2
    return from_mask(mask)


GRAPH = some()
PLAIN, WITH_EDGES, WITH_ALL = "plain", "edges", "edges, a bias and dropout"


@pytest.fixture(params=LEVELS)
def level(request, monkeypatch):
    if not run_here(request.param):
        pytest.skip(f"this processor does not run {request.param}")
    monkeypatch.setattr(native_call, "LEVEL", request.param)


def given(heads, dim, dtype=torch.float64):
    E = GRAPH.num_edges
    shapes = {"q": (NODES, heads, 1), "k": (NODES, heads, 1), "v": (NODES, heads, dim)}
    shapes |= {"f": (E, FEATURES), "w": (FEATURES, heads, 1), "s": (E, heads)}
    return {name: numbers(*shape, seed=n).to(dtype) for n, (name, shape) in enumerate(shapes.items())}


def outputs(call, tensors, impl, graph=GRAPH):
    q, k, v, f, w, s = (leaves := [x.detach().requires_grad_() for x in tensors.values()])
    more = {} if call == PLAIN else {"edge_key": EdgeTerm(f, w)}
    more |= {"bias": s, "dropout": 0.4, "seed": 3} if call == WITH_ALL else {}
    return forward_and_gradients(attend(q, k, v, graph, score=Additive(0.3), impl=impl, **more), leaves)


@pytest.mark.parametrize("cut", [native_call.CUT, 16], ids=["rows whole", "rows cut"])
@pytest.mark.parametrize("call", [PLAIN, WITH_EDGES, WITH_ALL])
@pytest.mark.parametrize("heads", [1, 2, 3, 4, 5, 8, 9, 16, 17])
def test_any_number_of_heads(heads, call, cut, level, monkeypatch):
    monkeypatch.setattr(native_call, "CUT", cut)
    tensors = given(heads, 8)
    assert_all_equal_as_promised(outputs(call, tensors, "native", fresh(GRAPH)), outputs(call, tensors, "reference"))


@pytest.mark.parametrize("dim", [1, 2, 7, 8, 9, 16, 20, 31, 32, 33])
def test_any_head_dim(dim, level):
    tensors = given(8, dim)
    assert_all_equal_as_promised(outputs(WITH_ALL, tensors, "native"), outputs(WITH_ALL, tensors, "reference"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("dim", [7, 8, 24])
def test_as_exact_as_the_definition(dim, dtype, level):
    tensors = given(8, dim, dtype)
    truth = outputs(WITH_ALL, {name: x.double() for name, x in tensors.items()}, "reference")
    assert_all_equal_as_promised(outputs(WITH_ALL, tensors, "native"), outputs(WITH_ALL, tensors, "reference"), truth)


def test_heads_first_in_memory():
    tensors = given(8, 8, torch.float32)
    apart = {name: x.transpose(0, 1).contiguous().transpose(0, 1) for name, x in tensors.items()}
    assert all(map(torch.equal, outputs(PLAIN, apart, "native"), outputs(PLAIN, tensors, "native")))


def test_more_edges_than_are_taken_at_once():
    """The largest logit of a row comes late, and what was summed up before it shrinks."""
    tensors = given(8, 8, torch.float32)
    tensors["k"] = torch.linspace(-60, 60, NODES)[:, None, None].expand(-1, 8, 1) + tensors["k"]
    truth = outputs(PLAIN, {name: x.double() for name, x in tensors.items()}, "reference")
    assert_all_equal_as_promised(outputs(PLAIN, tensors, "native"), outputs(PLAIN, tensors, "reference"), truth)


def test_an_edge_alone_has_no_say_over_its_weight():
    tensors = given(8, 8, torch.float32)
    of_query = outputs(PLAIN, tensors, "native")[1]
    assert torch.equal(of_query[8], torch.zeros(8, 1))
    assert of_query[3].abs().min() > 0


@pytest.mark.parametrize("silent", [-math.inf, math.nan])
def test_silent_and_broken_logits(silent):
    """A row whose logits are all -inf hears nobody; a NaN is handed on, to its own row and head alone."""
    tensors = given(8, 8, torch.float32)
    bias = torch.zeros(GRAPH.num_edges, 8)
    _, receivers = GRAPH.edges()
    bias[receivers == 3, 2] = silent
    q, k, v = (tensors[name] for name in "qkv")
    found, expected = (
        attend(q, k, v, GRAPH, score=Additive(), bias=bias, impl=impl) for impl in ("native", "reference")
    )
    torch.testing.assert_close(found, expected, equal_nan=True)
    assert found[3, 2].isnan().all() if math.isnan(silent) else not found[3, 2].any()
    assert not found[:, :2].isnan().any()
