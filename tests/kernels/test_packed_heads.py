"""Where nodes are heard often, the compiled kernels copy one head at a time side by side; nothing else changes."""

import pytest
import torch
from tests.equal import assert_all_equal_as_promised
from tests.kernels.compiled_part import fresh
from tests.kernels.graphs import forward_and_gradients, from_mask, numbers

from edgewise import native
from edgewise.kernels import Additive, EdgeTerm, GATv2, Given, attend, native_call

NODES, HEADS, KV_HEADS, DIM, VALUE_DIM, FEATURES = 420, 8, 4, 97, 83, 3
pytestmark = pytest.mark.skipif(not native.available(), reason="this installation has no compiled part")


def many():
    """Twenty senders a receiver; receiver 3 hears all, sender 5 is heard by all, 7 neither hears nor is heard."""
    mask = torch.rand(NODES, NODES, generator=torch.Generator().manual_seed(0)) < 0.045
    mask[3], mask[:, 5] = True, True
    mask[7], mask[:, 7] = False, False
    return from_mask(mask)


GRAPH = many()


def given(dtype):
    E = GRAPH.num_edges
    shapes = {"q": (NODES, HEADS, DIM), "k": (NODES, KV_HEADS, DIM), "v": (NODES, KV_HEADS, VALUE_DIM)}
    shapes |= {"f": (E, FEATURES), "wk": (FEATURES, KV_HEADS, DIM), "wv": (FEATURES, KV_HEADS, VALUE_DIM)}
    shapes |= {"a": (HEADS, DIM), "s": (E, HEADS)}
    return {name: (numbers(*shape, seed=n) / 4).to(dtype) for n, (name, shape) in enumerate(shapes.items())}


CALLS = {
    "dot": lambda on, q, k, v, **_: attend(q, k, v, **on),
    "dot with dropout, edges and a bias": lambda on, q, k, v, f, wk, wv, s, **_: attend(
        q, k, v, edge_key=EdgeTerm(f, wk), edge_value=EdgeTerm(f, wv), bias=s, dropout=0.3, seed=2, **on
    ),
    "additive": lambda on, q, k, v, **_: attend(q[..., :1], k[..., :1], v, score=Additive(), **on),
    "gatv2": lambda on, q, k, v, a, **_: attend(q, k, v, score=GATv2(a), **on),
    "given": lambda on, v, s, **_: attend(None, None, v, score=Given(s), **on),
}


def outputs(call, tensors, impl, graph=GRAPH):
    leaves = {name: x.detach().requires_grad_() for name, x in tensors.items()}
    return forward_and_gradients(CALLS[call]({"graph": graph, "impl": impl}, **leaves), list(leaves.values()))


@pytest.mark.parametrize("cut", [native_call.CUT, 32], ids=["rows whole", "rows cut"])
@pytest.mark.parametrize("call", CALLS)
def test_packed_heads_equal_the_definition(call, cut, monkeypatch):
    monkeypatch.setattr(native_call, "CUT", cut)
    tensors = given(torch.float64)
    assert_all_equal_as_promised(outputs(call, tensors, "native", fresh(GRAPH)), outputs(call, tensors, "reference"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_packed_heads_are_as_exact_as_the_definition(dtype):
    tensors = given(dtype)
    truth = outputs("dot", {name: x.double() for name, x in tensors.items()}, "reference")
    assert_all_equal_as_promised(outputs("dot", tensors, "native"), outputs("dot", tensors, "reference"), truth)
