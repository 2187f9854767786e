"""Where numbers, sizes, strides and graphs end: every route, in memory that reads as NaN until it is written to."""

from collections.abc import Iterable, Sequence

import pytest
import torch
from tests.equal import assert_all_equal_as_promised, error
from tests.kernels.graphs import (
    DENSE,
    IRREGULAR,
    causal,
    complete,
    forward_and_gradients,
    from_mask,
    irregular,
    numbers,
)
from torch import Tensor

from edgewise import native
from edgewise.graph import Graph
from edgewise.kernels import IMPLEMENTATIONS, Dot, EdgeTerm, Given, OffsetTable, attend, native_call, native_tiles, plan
from edgewise.patterns import causal as causal_pattern

pytestmark = pytest.mark.usefixtures("poisoned")

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
DIMS = [1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 128, 129, 255, 256]
LEVELS = ["baseline", "x86-64-v3", "x86-64-v4"]
FASTER = [impl for impl in IMPLEMENTATIONS if impl != "reference"]
COMPILED = [impl for impl in FASTER if impl not in ("auto", "dense")]
PLACE = torch.arange(100)
APART = (PLACE - PLACE[:, None]).abs()
GRAPHS = {
    "scattered": irregular(150, 140),
    "sparse": irregular(90, 110, density=0.03, seed=1),
    "causal": causal(70, 90),
    "complete": complete(60),
    "window": from_mask(APART <= 20),
    "window and hubs": from_mask((APART <= 9) | (PLACE % 33 == 0) | (PLACE % 40 == 0)[:, None]),
    "documents": from_mask((PLACE // 27)[:, None] == PLACE // 27),
    "packed": Graph.batch([causal(20), causal(45), complete(1), causal(30)]),
}
FEW = {"irregular": IRREGULAR["irregular"], "few, causal": DENSE["causal"]}
ALL = GRAPHS | FEW
TAKES = {
    "auto": [*ALL],
    "dense": ["causal", "complete", "packed", "few, causal"],
    "tiles": ["scattered", "causal", "complete", "window", "window and hubs", "documents", "packed"],
    "native": [*ALL],
}
"""The graphs that a route takes where a call brings query, key and value."""
EDGE_BY_EDGE = ["auto", "native"]
"""The routes that take everything but what has no numbers."""


def pairs(names: Iterable[str], routes: Sequence[str] = FASTER) -> list[tuple[str, str]]:
    """Each of these routes with those of the graphs that it takes."""
    found = [(impl, name) for impl in routes for name in names if name in TAKES[impl]]
    assert {impl for impl, _ in found} == {*routes}, "a route would go untested"
    return found


def nodes(
    graph: Graph, dtype: torch.dtype = torch.float64, heads: int = 4, shared: int = 2, dim: int = 6
) -> list[Tensor]:
    """Query, key and value."""
    sides = ((graph.num_receivers, heads), (graph.num_senders, shared), (graph.num_senders, shared))
    return [numbers(*side, dim, seed=n, dtype=dtype) for n, side in enumerate(sides)]


def taken(impl: str, inputs: list[Tensor | None], graph: Graph, **more):
    """What a route answers."""
    if impl in COMPILED and not native.available():
        pytest.skip("this installation has no compiled part")
    return attend(*inputs, graph, impl=impl, **more)


def with_gradients(impl: str, inputs: list[Tensor], graph: Graph, **more) -> list[Tensor]:
    return forward_and_gradients(taken(impl, inputs, graph, **more), inputs)


def exactly(inputs: list[Tensor]) -> list[Tensor]:
    return [x.detach().double().requires_grad_() for x in inputs]


def assert_holds(impl: str, inputs: list[Tensor], graph: Graph, **more) -> None:
    """Output and gradients equal the definition's as promised."""
    ours, plain = (with_gradients(name, inputs, graph, **more) for name in (impl, "reference"))
    assert_all_equal_as_promised(ours, plain, with_gradients("reference", exactly(inputs), graph, **more))


@pytest.mark.parametrize("impl", FASTER)
def test_a_route_refuses_the_graphs_that_it_is_not_tested_on(impl):
    assert TAKES[impl]
    for name, graph in ALL.items():
        if name not in TAKES[impl]:
            with pytest.raises(ValueError, match=f"attend: impl='{impl}' .*; use impl='auto'"):
                attend(*nodes(graph), graph, impl=impl)


def test_a_route_that_takes_no_graph_is_not_passed_over():
    assert pairs(["sparse", "window"], ["native", "tiles"]) == [
        ("native", "sparse"),
        ("native", "window"),
        ("tiles", "window"),
    ]
    with pytest.raises(AssertionError, match="a route would go untested"):
        pairs(["sparse"], ["native", "tiles"])


def test_memory_that_nobody_has_written_to_reads_as_nan():
    for dtype in DTYPES:
        x = torch.zeros(3, dtype=dtype)
        assert all(made.isnan().all() for made in (torch.empty(3, dtype=dtype), x.new_empty(3), torch.empty_like(x)))


@pytest.mark.parametrize(("impl", "name"), pairs(GRAPHS))
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_errors_are_at_most_twice_those_of_the_definition(impl, dtype, name):
    graph = GRAPHS[name]
    inputs = nodes(graph, dtype, dim=24)
    ours, plain = (with_gradients(name, inputs, graph) for name in (impl, "reference"))
    if dtype == torch.float64:
        assert_all_equal_as_promised(ours, plain)
        return
    truth = with_gradients("reference", exactly(inputs), graph)
    for found, peer, true in zip(ours, plain, truth, strict=True):
        assert typical_error(found, true) <= 2 * typical_error(peer, true)


def typical_error(x: Tensor, truth: Tensor) -> float:
    """Root mean square: the largest of a few thousand errors is a matter of luck."""
    return float((x.detach().double() - truth.detach()).square().mean().sqrt())


def test_a_typical_error_is_seen():
    truth = torch.zeros(100, dtype=torch.float64)
    assert typical_error(truth + 0.25, truth) == 0.25
    assert not typical_error(truth.index_fill(0, torch.tensor([3]), torch.nan), truth) <= 1


SIZES = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1)]
WITH_EDGES = [(impl, shape, "all") for impl in ("dense", "native") for shape in SIZES if 0 not in shape]


@pytest.mark.parametrize(
    ("impl", "shape", "edges"), [*(("auto", shape, edges) for shape in SIZES for edges in ("all", "none")), *WITH_EDGES]
)
def test_nothing_and_one_are_sizes_like_any_other(impl, shape, edges):
    graph = from_mask(torch.full(shape, edges == "all"))
    assert_holds(impl, nodes(graph), graph)


@pytest.mark.parametrize("impl", EDGE_BY_EDGE)
def test_one_edge_hands_its_value_on_and_asks_nothing(impl):
    graph = from_mask(torch.arange(6).reshape(3, 2) == 3)  # receiver 1 hears sender 1
    inputs = nodes(graph)
    out, of_query, of_key, of_value = with_gradients(impl, inputs, graph)
    assert torch.equal(out[1], inputs[2][1].repeat_interleave(2, 0))
    assert of_value[1].all()
    assert not any(x.any() for x in (out[[0, 2]], of_query, of_key, of_value[0]))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("impl", ["auto", *COMPILED])
def test_those_who_hear_nobody_and_whom_nobody_hears_get_zeros(impl, dtype):
    mask = torch.rand(40, 40, generator=torch.Generator().manual_seed(0)) < 0.7
    mask[::3], mask[:, ::7] = False, False
    graph = from_mask(mask)
    out, of_query, of_key, of_value = with_gradients(impl, nodes(graph, dtype), graph)
    assert all(x.isfinite().all() for x in (out, of_query, of_key, of_value))
    assert not any(x.any() for x in (out[::3], of_query[::3], of_key[::7], of_value[::7]))


@pytest.mark.parametrize("hub", ["hears everybody", "is heard by everybody"])
def test_a_hub_of_a_million_edges(hub):
    N = 10**6
    everybody, alone = torch.arange(N), torch.full((N,), 5)
    senders, receivers = (everybody, alone) if hub == "hears everybody" else (alone, everybody)
    graph = Graph.from_edges(senders, receivers, num_senders=N)
    inputs = nodes(graph, torch.float32, heads=1, shared=1, dim=4)
    ours, truth = (with_gradients(*call, graph) for call in (("native", inputs), ("reference", exactly(inputs))))
    assert_all_equal_as_promised(ours, [x.float() for x in truth])


@pytest.mark.parametrize("dim", [5, 17, 24])
def test_a_hub_in_channels_that_fill_no_vector(dim):
    """Long rows are cut in pieces, and many nodes are copied with their channels filled up."""
    mask = torch.zeros(40, 9000, dtype=torch.bool)
    mask[3:6], mask[:, 7], mask[7:, 100:110] = True, True, True
    graph = from_mask(mask)
    inputs = nodes(graph, torch.float32, dim=dim)
    term = EdgeTerm(numbers(graph.num_edges, 3, seed=5).float(), numbers(3, 2, dim, seed=6).float())
    assert_holds("native", inputs, graph)
    assert_holds("native", inputs, graph, edge_value=term)


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize(
    ("impl", "name", "level"),
    [
        ("dense", "few, causal", LEVELS[0]),
        *((*x, level) for x in pairs([*FEW, "window"], COMPILED) for level in LEVELS),
    ],
)
def test_every_head_dim_on_every_instruction_set(impl, level, name, dim, monkeypatch):
    compiled = native.module() if native.available() else None
    if compiled is not None and native_call.LEVELS[level] > native_call.LEVELS[compiled.cpu_level()]:
        pytest.skip(f"this processor does not run {level}")
    for module in (native_call, native_tiles):
        monkeypatch.setattr(module, "LEVEL", level)
    graph = ALL[name]
    for dtype in DTYPES[:2]:
        assert_holds(impl, nodes(graph, dtype, dim=dim), graph)


VIEWS = {
    "slices of one projection": lambda x: torch.cat([x, x, x], -1)[..., 5:11],
    "heads first": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
    "dimensions last to first": lambda x: x.permute(2, 1, 0).contiguous().permute(2, 1, 0),
    "every other number": lambda x: x.repeat_interleave(2, -1)[..., ::2],
    "one node for all": lambda x: x[:1].expand_as(x),
    "one head for all": lambda x: x[:, :1].expand_as(x),
    "one number for all": lambda x: x[:1, :1, :1].expand_as(x),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("impl", "name"), pairs([*FEW, "window"]))
def test_any_strides(impl, name, view):
    graph = ALL[name]
    inputs = [VIEWS[view](x.detach()).requires_grad_() for x in nodes(graph)]
    if view != "one number for all":
        assert not any(x.is_contiguous() for x in inputs)
    assert_holds(impl, inputs, graph)


@pytest.mark.parametrize("cotangent", VIEWS)
@pytest.mark.parametrize(("impl", "name"), pairs([*FEW, "window"]))
def test_any_strides_of_the_gradient(impl, name, cotangent):
    graph = ALL[name]
    inputs = nodes(graph)
    back = VIEWS[cotangent](numbers(graph.num_receivers, 4, 6, seed=9).detach())
    ours, plain = (torch.autograd.grad(taken(i, inputs, graph), inputs, back) for i in (impl, "reference"))
    assert_all_equal_as_promised(ours, plain)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("name", GRAPHS)
def test_all_routes_say_the_same(name, dropout):
    """Pairwise: output, gradients and the weights themselves, dropout included."""
    graph = GRAPHS[name]
    inputs = nodes(graph)
    found = {}
    for impl in IMPLEMENTATIONS:
        try:
            out = attend(*inputs, graph, impl=impl, dropout=dropout, seed=3)
            with torch.no_grad():
                _, weights = attend(*inputs, graph, impl=impl, dropout=dropout, seed=3, return_weights=True)
        except ValueError as refused:
            if f"impl={impl!r}" not in str(refused):
                raise
            continue
        found[impl] = [*forward_and_gradients(out, inputs), weights]
    assert {"auto", "reference"} < {*found}
    for impl, ours in found.items():
        for other, theirs in found.items():
            assert_all_equal_as_promised(ours, theirs)
            dropped = (ours[-1] == 0, theirs[-1] == 0)
            assert torch.equal(*dropped), f"{impl} and {other} drop different edges"


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("impl", "name"), pairs(["scattered", "causal", "complete", "window and hubs"]))
def test_logits_of_ten_thousand(impl, name, dtype):
    """100 · ±100, which every dtype holds exactly: who is loudest is all that is heard, and nothing overflows.

    A log-sum-exp near 10⁴ is rounded there, so what is computed from it is as exact as 10⁴ is: gradients, and the
    output where the parts of a row are joined.
    """
    graph = GRAPHS[name]
    query, key, value = nodes(graph, dtype, dim=1)
    query, key = (torch.where(x.detach() > 0, 100, -100).to(dtype).requires_grad_() for x in (query, key))
    inputs = [query, key, value]
    out, *grads = with_gradients(impl, inputs, graph, score=Dot(1.0))
    truth, *true_grads = with_gradients("reference", exactly(inputs), graph, score=Dot(1.0))
    stored, computed = torch.finfo(dtype).eps, torch.finfo(torch.promote_types(dtype, torch.float32)).eps
    allowed = 2 * stored + 1e4 * computed
    assert error(out, truth) <= allowed * float(value.detach().abs().max())
    for grad, true, size in zip(grads, true_grads, (100, 100, 1), strict=True):
        assert error(grad, true) <= allowed * max(size, float(true.abs().max()))


@pytest.mark.parametrize(("impl", "name"), pairs(GRAPHS, ["dense", *EDGE_BY_EDGE]))
def test_a_bias_of_minus_infinity_is_no_edge(impl, name):
    graph = GRAPHS[name]
    inputs = nodes(graph)
    senders, receivers = graph.edges()
    silent = torch.rand(graph.num_edges, generator=torch.Generator().manual_seed(1)) < 0.4
    silent |= receivers == 7
    bias = torch.zeros(graph.num_edges, dtype=torch.float64).masked_fill(silent, -torch.inf)
    rest = graph - Graph.from_edges(
        senders[silent], receivers[silent], num_senders=graph.num_senders, num_receivers=graph.num_receivers
    )
    out, *grads = with_gradients(impl, inputs, graph, bias=bias)
    assert not out[7].any()
    assert not grads[0][7].any()
    assert_all_equal_as_promised([out, *grads], with_gradients("reference", inputs, rest))


@pytest.mark.parametrize("silent", [slice(2, 5), slice(0, 6), slice(5, 11), slice(None)], ids=str)
@pytest.mark.parametrize(("impl", "name"), pairs(GRAPHS))
def test_a_table_of_minus_infinity_is_no_edge_either(impl, name, silent):
    graph = GRAPHS[name]
    inputs, table = nodes(graph), numbers(11, 4, seed=5)
    with torch.no_grad():
        table[silent] = -torch.inf
    bias = OffsetTable(table, -5)
    ours, plain = (
        forward_and_gradients(taken(route, inputs, graph, bias=bias), [*inputs, table]) for route in (impl, "reference")
    )
    assert_all_equal_as_promised(ours, plain)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("impl", COMPILED)
def test_where_all_edges_are_silent_all_gradients_are_zero(impl, dtype):
    """Some receivers are in a tile, some only in what is taken edge by edge, and some hear nobody."""
    graph = from_mask(torch.rand(33, 1, generator=torch.Generator().manual_seed(0)) < 0.7)
    leaves = [numbers(n, 1, 1, seed=n).to(dtype).requires_grad_() for n in (33, 1, 1)]
    leaves.append(torch.full((1, 1), -torch.inf, dtype=dtype, requires_grad=True))
    *nodes, table = leaves
    found = forward_and_gradients(attend(*nodes, graph, bias=OffsetTable(table, 0), impl=impl), leaves)
    assert not any(x.any() for x in found)


@pytest.mark.parametrize(("impl", "name"), pairs(GRAPHS))
@pytest.mark.parametrize("which", ["query", "key", "value"])
def test_a_nan_reaches_those_who_hear_it_and_nobody_else(impl, which, name):
    graph = GRAPHS[name]
    inputs = nodes(graph, torch.float32)
    with torch.no_grad():
        inputs[("query", "key", "value").index(which)][11] = torch.nan
    reached = torch.arange(graph.num_receivers) == 11 if which == "query" else graph.dense()[:, 11]
    found, expected = (with_gradients(name, inputs, graph) for name in (impl, "reference"))
    assert torch.equal(expected[0].isnan().flatten(1).any(1), reached)
    for ours, theirs in zip(found, expected, strict=True):
        if impl in ("auto", "dense") and plan(graph).kind == "causal":
            # A matrix product takes 0 · NaN from those who are not heard yet.
            assert ours.isnan()[theirs.isnan()].all()
        else:
            assert torch.equal(ours.isnan(), theirs.isnan())


@pytest.mark.parametrize("impl", EDGE_BY_EDGE)
def test_scores_of_nothing_but_nan_are_not_taken_for_silence(impl):
    graph = GRAPHS["window"]
    inputs = nodes(graph)
    bias = torch.zeros(graph.num_edges, dtype=torch.float64)
    receivers = graph.edges()[1]
    bias[receivers == 3] = torch.nan
    bias[receivers == 5] = -torch.inf
    bias[(receivers == 5).nonzero()[4]] = torch.nan
    out = taken(impl, inputs, graph, bias=bias)
    assert out[[3, 5]].isnan().all()
    assert out.isnan().flatten(1).any(1).sum() == 2
    assert_all_equal_as_promised(
        forward_and_gradients(out, inputs), with_gradients("reference", inputs, graph, bias=bias)
    )


@pytest.mark.parametrize("impl", EDGE_BY_EDGE)
def test_a_bias_is_not_rounded_to_the_scores_given(impl):
    """256 + 0.5 is 256 in bfloat16."""
    graph = GRAPHS["window"]
    value = numbers(100, 1, 4, dtype=torch.bfloat16)
    scores = torch.full((graph.num_edges, 1), 256, dtype=torch.bfloat16)
    bias = torch.where(numbers(graph.num_edges, dtype=torch.float32) > 0, 0.5, 0).to(torch.bfloat16)
    found = taken(impl, [None, None, value], graph, score=Given(scores), bias=bias)
    expected = attend(None, None, value, graph, score=Given(bias[:, None]), impl="reference")
    assert error(found, expected) <= torch.finfo(torch.bfloat16).eps * float(expected.detach().abs().max())


@pytest.mark.parametrize("impl", IMPLEMENTATIONS)
def test_weights_beyond_memory_are_refused_by_name(impl):
    N = 10**6
    node = torch.zeros(1, 1, 1).expand(N, 1, 1)
    graph = causal_pattern().build(N)
    with pytest.raises(
        ValueError, match=r"attend: the weights of 500000500000 edges and 1 heads would take 1,863 GiB, more than"
    ):
        attend(node, node, node, graph, return_weights=True, impl=impl)
