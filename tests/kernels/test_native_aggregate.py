"""The compiled sum, mean and maximum against the definition: every storage type, on every instruction set."""

import pytest
import torch
from tests.equal import assert_all_equal_as_promised, error
from tests.kernels.cases import FEATURES, GRAPHS, HEADS, KV_HEADS
from tests.kernels.compiled_part import LEVELS, Largest, fresh, run_here
from tests.kernels.graphs import forward_and_gradients, from_mask, irregular, numbers

from edgewise import native as compiled
from edgewise.kernels import REDUCTIONS, EdgeTerm, aggregate
from edgewise.kernels import native_call as kernels

pytestmark = pytest.mark.skipif(not compiled.available(), reason="this installation has no compiled part")
ASKED = [
    (reduce, weights, edge_value)
    for reduce in REDUCTIONS
    for weights in (None, "[E]", "[E, H]")
    for edge_value in (False, True)
    if not (edge_value and reduce == "max")
]


@pytest.fixture(params=LEVELS)
def level(request, monkeypatch):
    if not run_here(request.param):
        pytest.skip(f"this processor does not run {request.param}")
    monkeypatch.setattr(kernels, "LEVEL", request.param)


@pytest.fixture(params=["whole rows", "cut rows"])
def rows(request, monkeypatch):
    if request.param == "cut rows":
        monkeypatch.setattr(kernels, "CUT", 3)


class Asked:
    """One aggregation of a graph: its tensors, and the call."""

    def __init__(self, graph, reduce, weights, edge_value, dtype=torch.float64, dim=5):
        S, E = graph.num_senders, graph.num_edges
        self.graph, self.reduce = graph, reduce
        shapes = {"value": (S, KV_HEADS, dim)}
        if weights:
            shapes["weights"] = {"[E]": (E,), "[E, H]": (E, HEADS)}[weights]
        if edge_value:
            shapes |= {"features": (E, FEATURES), "weight": (FEATURES, KV_HEADS, dim)}
        self.tensors = {name: numbers(*shape, seed=n, dtype=dtype) for n, (name, shape) in enumerate(shapes.items())}

    def exactly(self):
        asked = Asked(self.graph, self.reduce, None, False)
        asked.tensors = {name: x.detach().double().requires_grad_() for name, x in self.tensors.items()}
        return asked

    def __call__(self, impl):
        t = self.tensors
        term = EdgeTerm(t["features"], t["weight"]) if "features" in t else None
        out = aggregate(t["value"], self.graph, self.reduce, weights=t.get("weights"), edge_value=term, impl=impl)
        return forward_and_gradients(out, list(t.values()))


@pytest.mark.parametrize(("reduce", "weights", "edge_value"), ASKED, ids=str)
def test_native_equals_the_definition_in_float64(reduce, weights, edge_value, rows):
    for graph in GRAPHS.values():
        if graph.num_edges:
            asked = Asked(fresh(graph), reduce, weights, edge_value)
            assert_all_equal_as_promised(asked("native"), asked("reference"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize(("reduce", "weights", "edge_value"), ASKED, ids=str)
def test_native_is_as_exact_as_the_definition(reduce, weights, edge_value, dtype, level, rows):
    asked = Asked(fresh(irregular(23, 31)), reduce, weights, edge_value, dtype, dim=37)
    assert_all_equal_as_promised(asked("native"), asked("reference"), asked.exactly()("reference"))


@pytest.mark.parametrize("reduce", REDUCTIONS)
@pytest.mark.parametrize("dim", [1, 2, 15, 16, 17, 31, 33, 64, 100, 256, 300])
def test_every_head_dim(dim, reduce, level):
    for dtype in (torch.float64, torch.float32):
        asked = Asked(irregular(9, 11), reduce, "[E, H]", False, dtype, dim)
        assert_all_equal_as_promised(asked("native"), asked("reference"))


@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_strides_and_batch_dimensions_are_taken_as_they_are(reduce):
    graph = irregular(7, 9)
    wide, weights = numbers(2, 9, 4, 12, seed=1), numbers(3, 1, graph.num_edges, 4, seed=2)
    for value, w in [
        (wide[0, :, ::2, 4:], None),
        (wide[0, :, ::2, 4:], weights[0, 0, :, 0]),
        (wide[..., ::2], weights),
        (wide.permute(0, 1, 3, 2)[1, :, :2], weights[1, 0]),
        (wide[:, :, :1].expand(2, 9, 4, 12), None),
    ]:
        ours, theirs = (
            forward_and_gradients(aggregate(value, graph, reduce, weights=w, impl=impl), [wide, weights])
            for impl in ("native", "reference")
        )
        assert_all_equal_as_promised(ours, theirs)


@pytest.mark.parametrize("weights", [None, "[E, H]"])
@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_a_gradient_that_lies_heads_first_is_taken_as_it_is(reduce, weights):
    graph = irregular(9, 11)
    value = numbers(11, 2, 5).requires_grad_()
    w = None if weights is None else numbers(graph.num_edges, 2, seed=1).requires_grad_()
    leaves = [value] if w is None else [value, w]
    grad = numbers(2, 9, 5, seed=2).transpose(0, 1)
    found, expected = (
        torch.autograd.grad(aggregate(value, graph, reduce, weights=w, impl=impl), leaves, grad)
        for impl in ("native", "reference")
    )
    assert_all_equal_as_promised(found, expected)


def test_a_summed_gradient_without_strides_of_its_own_is_taken():
    value, graph = numbers(9, 2, 3), irregular(7, 9)
    for reduce in REDUCTIONS:
        ours, theirs = (
            torch.autograd.grad(aggregate(value, graph, reduce, impl=impl).sum(), value)[0]
            for impl in ("native", "reference")
        )
        assert error(ours, theirs) < 1e-12


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("weights", [None, "[E, H]"])
def test_ties_share_the_gradient_as_in_the_definition(weights, dtype, level, rows):
    asked = Asked(fresh(irregular(23, 31)), "max", weights, False, dtype, dim=19)
    asked.tensors = {name: x.detach().sign().requires_grad_() for name, x in asked.tensors.items()}
    ours, theirs = asked("native"), asked("reference")
    assert torch.equal(ours[0], theirs[0])
    assert_all_equal_as_promised(ours, theirs, asked.exactly()("reference"))
    assert ((ours[1] != 0).sum(0) > 1).all()


def test_a_maximum_rounded_into_storage_still_finds_its_senders(level):
    """The products differ in float32 and are one number in bfloat16: only the larger one has a gradient."""
    graph = from_mask(torch.ones(1, 2, dtype=torch.bool))
    value = torch.ones(2, 1, 1, dtype=torch.bfloat16, requires_grad=True)
    weights = torch.tensor([[1.0], [1.0 + 2**-12]], requires_grad=True)
    out = aggregate(value, graph, "max", weights=weights, impl="native")
    grads = torch.autograd.grad(out.sum(), [value, weights])
    assert [x.flatten().tolist() for x in grads] == [[0, 1], [0, 1]]


@pytest.mark.parametrize("dim", [3, 16, 70])
def test_a_nan_and_infinities_pass_as_in_the_definition(dim, level, rows):
    graph = fresh(from_mask(torch.tensor([[1, 1, 1, 1, 0], [0, 1, 1, 0, 1], [1, 0, 0, 1, 0], [0] * 5]) > 0))
    value = numbers(5, 1, dim, dtype=torch.float32).detach()
    value[1], value[0], value[3] = torch.nan, torch.inf, -torch.inf
    value.requires_grad_()
    ours, theirs = (
        forward_and_gradients(aggregate(value, graph, "max", impl=impl), [value]) for impl in ("native", "reference")
    )
    assert ours[0][:2].isnan().all()
    assert all(torch.equal(a.nan_to_num(9), b.nan_to_num(9)) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_gradients_are_bitwise_the_same_for_any_number_of_threads(reduce, rows):
    mask = torch.rand(300, 200, generator=torch.Generator().manual_seed(0)) < 0.05
    mask[7], mask[:, 9] = True, True
    asked = Asked(from_mask(mask), reduce, "[E, H]", reduce != "max", torch.float32, dim=20)
    before, found = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(asked("native"))
    torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_a_hub_is_cut_and_joined_to_the_same_numbers(reduce):
    mask = torch.zeros(3, 10_000, dtype=torch.bool)
    mask[1] = True
    graph = from_mask(mask)
    for turned in (graph, graph.transpose()):
        asked = Asked(turned, reduce, "[E]", reduce != "max")
        assert_all_equal_as_promised(asked("native"), asked("reference"))


@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_nothing_is_left_unwritten(reduce):
    """A receiver and a sender without edges get zeros, whatever stood in the memory before."""
    for _ in range(3):
        torch.full((4000,), torch.nan)
        out, grad = Asked(irregular(9, 11), reduce, None, False)("native")
        assert not out[0].any()
        assert not grad[0].any()
        assert out.isfinite().all()
        assert grad.isfinite().all()


@pytest.mark.parametrize(("reduce", "weights", "edge_value"), ASKED, ids=str)
def test_nothing_of_size_edges_times_channels_is_made(reduce, weights, edge_value):
    graph = irregular(50, 50, density=0.9)
    asked = Asked(graph, reduce, weights, edge_value, dim=64)
    with Largest() as made:
        asked("native")
    assert made.numel < graph.num_edges * KV_HEADS * 64 // 4
    with Largest() as made:
        asked("reference")
    assert made.numel >= graph.num_edges * KV_HEADS * 64


@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_a_second_derivative_is_refused_and_the_way_named(reduce):
    value, weights, graph = numbers(5, 2, 3), numbers(irregular(5, 5).num_edges, 2), irregular(5, 5)
    out = aggregate(value, graph, reduce, weights=weights, impl="native")
    (grad,) = torch.autograd.grad(out.sum(), value, create_graph=True)
    with pytest.raises(RuntimeError, match="aggregate: the fast kernels can be differentiated once; .*'reference'"):
        grad.sum().backward()


def test_what_the_compiled_kernels_do_not_take_is_named():
    value, graph = numbers(5, 1, 2), irregular(5, 5)
    term = EdgeTerm(numbers(graph.num_edges, 1), numbers(1, 1, 2))
    with pytest.raises(ValueError, match="aggregate: impl='native' takes no edge features inside a maximum; use"):
        aggregate(value, graph, "max", edge_value=term, impl="native")
    with pytest.raises(ValueError, match="aggregate: impl='native' has no empty tensors to work on; use"):
        aggregate(value, from_mask(torch.zeros(5, 5, dtype=torch.bool)), impl="native")
    assert aggregate(value, graph, "max", edge_value=term).shape == (5, 1, 2)


def test_without_the_compiled_part_native_is_named_and_auto_goes_on(monkeypatch):
    monkeypatch.setattr(compiled, "module", lambda: None)
    value, graph = numbers(5, 1, 2), irregular(5, 5)
    with pytest.raises(ValueError, match="aggregate: impl='native' needs the compiled part"):
        aggregate(value, graph, impl="native")
    assert aggregate(value, graph).shape == (5, 1, 2)


def test_another_device_than_the_cpu_is_named():
    with pytest.raises(ValueError, match="aggregate: impl='native' runs on the CPU, and the graph is on meta"):
        aggregate(numbers(5, 1, 2).detach().to("meta"), irregular(5, 5).to("meta"), impl="native")


@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_weights_wider_than_the_value_widen_the_sum(reduce):
    graph = irregular(9, 11)
    value, weights = numbers(11, 2, 3, dtype=torch.float32), numbers(graph.num_edges, 4, seed=1)
    ours, theirs = (
        forward_and_gradients(aggregate(value, graph, reduce, weights=weights, impl=impl), [value, weights])
        for impl in ("native", "reference")
    )
    assert_all_equal_as_promised(ours, theirs)
