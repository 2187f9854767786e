"""The compiled kernels against the definition: every score, extra and storage type, on every instruction set."""

import pytest
import torch
from tests.equal import assert_all_equal_as_promised, error
from tests.kernels.cases import EXTRAS, GRAPHS, SCORES, Case
from tests.kernels.compiled_part import LEVELS, Largest, fresh, run_here
from tests.kernels.graphs import forward_and_gradients, from_mask, irregular, numbers
from torch.autograd import gradcheck

from edgewise import native as compiled
from edgewise.kernels import Dot, EdgeTerm, GATv2, attend
from edgewise.kernels import native_call as kernels

pytestmark = pytest.mark.skipif(not compiled.available(), reason="this installation has no compiled part")
GRAPH_OF_12 = from_mask(torch.tensor([[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [1, 0, 0, 1, 1], [0] * 5]) > 0)
CASES = [
    (score, extras)
    for score in SCORES
    for extras in EXTRAS
    if not ("edge_key" in extras and score in ("Constant", "Given"))
]


class Distance:
    """A score of a reader's own: minus the squared distance."""

    name, reads_nodes, number, tensor = "distance", True, 0.0, None

    def logits(self, query, key):
        return -((query - key) ** 2).sum(-1)


@pytest.fixture(params=LEVELS)
def level(request, monkeypatch):
    if not run_here(request.param):
        pytest.skip(f"this processor does not run {request.param}")
    monkeypatch.setattr(kernels, "LEVEL", request.param)


@pytest.fixture(params=["whole rows", "cut rows"])
def rows(request, monkeypatch):
    """Rows of more than 3 edges are cut, or none is. What is remembered of a graph is forgotten."""
    if request.param == "cut rows":
        monkeypatch.setattr(kernels, "CUT", 3)


def output_and_gradients(case, impl, **more):
    out = case.attend(impl=impl, **more)
    grads = torch.autograd.grad(out, case.inputs, numbers(*out.shape, seed=9, dtype=out.dtype), allow_unused=True)
    return [out, *(torch.zeros_like(x) if g is None else g for x, g in zip(case.inputs, grads, strict=True))]


@pytest.mark.parametrize(("score", "extras"), CASES, ids=str)
def test_native_equals_the_definition_in_float64(score, extras, rows):
    for graph in GRAPHS.values():
        if graph.num_edges:
            case = Case(score, extras, fresh(graph))
            assert_all_equal_as_promised(output_and_gradients(case, "native"), output_and_gradients(case, "reference"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("score", SCORES)
def test_native_is_as_exact_as_the_definition(score, dtype, level, rows):
    extras = ("edge_value", "bias by offset") if score in ("Given", "Constant") else EXTRAS[-1]
    case = Case(score, extras, fresh(irregular(23, 31)), dtype)
    truth = output_and_gradients(case.exactly(), "reference")
    found, plain = output_and_gradients(case, "native"), output_and_gradients(case, "reference")
    assert_all_equal_as_promised(found, plain, truth)


@pytest.mark.parametrize("dim", [1, 2, 15, 16, 17, 31, 33, 64, 100, 256])
def test_every_head_dim(dim, level):
    graph = irregular(9, 11)
    query, key, value = numbers(9, 2, dim), numbers(11, 2, dim, seed=1), numbers(11, 2, dim + 1, seed=2)
    for score in (Dot(), GATv2(numbers(2, dim, seed=3))):
        found = attend(query, key, value, graph, score=score, impl="native")
        assert error(found, attend(query, key, value, graph, score=score, impl="reference")) < 1e-12


@pytest.mark.parametrize("dim", [1, 17, 63, 64, 65, 130])
def test_edge_features_inside_gatv2_at_every_head_dim(dim, level, rows):
    graph = fresh(irregular(9, 11))
    tensors = [numbers(9, 4, dim), numbers(11, 2, dim, seed=1), numbers(11, 2, 3, seed=2), numbers(4, dim, seed=3)]
    tensors += [numbers(graph.num_edges, 5, seed=4), numbers(5, 2, dim, seed=5)]
    query, key, value, vector, *term = tensors
    ours, theirs = (
        forward_and_gradients(
            attend(query, key, value, graph, score=GATv2(vector), edge_key=EdgeTerm(*term), impl=impl), tensors
        )
        for impl in ("native", "reference")
    )
    assert_all_equal_as_promised(ours, theirs)


def test_edge_features_inside_gatv2_make_nothing_of_size_edges_times_channels():
    graph = irregular(50, 50, density=0.9)
    tensors = [numbers(50, 4, 64, seed=n) for n in range(3)] + [numbers(4, 64), numbers(graph.num_edges, 5)]
    query, key, value, vector, features = tensors
    term = EdgeTerm(features, numbers(5, 4, 64, seed=3))
    with Largest() as made:
        out = attend(query, key, value, graph, score=GATv2(vector), edge_key=term, impl="native")
        forward_and_gradients(out, tensors)
    assert made.numel < graph.num_edges * 4 * 64 // 4


def test_dropout_and_weights_are_those_of_the_definition(level, rows):
    case = Case("Dot", (), fresh(irregular(23, 31)))
    with torch.no_grad():
        found = case.attend(impl="native", dropout=0.4, seed=2**40 + 3, return_weights=True)
    theirs = case.attend(impl="reference", dropout=0.4, seed=2**40 + 3, return_weights=True)
    assert_all_equal_as_promised(found, [x.detach() for x in theirs])
    mine = output_and_gradients(case, "native", dropout=0.4, seed=5)
    assert_all_equal_as_promised(mine, output_and_gradients(case, "reference", dropout=0.4, seed=5))


@pytest.mark.parametrize(("score", "extras"), CASES, ids=str)
def test_weights_have_the_gradients_of_the_definition(score, extras, rows):
    case = Case(score, extras, fresh(irregular(13, 11)))

    def gradients(impl, of):
        out, weights = case.attend(impl=impl, dropout=0.3, seed=5, return_weights=True)
        # Constant weights learn nothing: the output makes the sum ask for a gradient all the same.
        both = {"weights": [weights + 0 * out.sum()], "both": [out, weights]}[of]
        if not weights.requires_grad:
            both = both[:1]
        seeds = [numbers(*x.shape, seed=9) for x in both]
        grads = torch.autograd.grad(both, case.inputs, seeds, allow_unused=True)
        return [torch.zeros_like(x) if g is None else g for x, g in zip(case.inputs, grads, strict=True)]

    for of in ("weights", "both"):
        assert_all_equal_as_promised(gradients("native", of), gradients("reference", of))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_gradients_of_weights_are_as_exact_as_the_definition(dtype, level, rows):
    case = Case("Dot", ("edge_value",), fresh(irregular(23, 31)), dtype)

    def gradients(case, impl):
        _, weights = case.attend(impl=impl, return_weights=True)
        seeds = numbers(*weights.shape, seed=9).to(weights.dtype)
        grads = torch.autograd.grad(weights, case.inputs, seeds, allow_unused=True)
        return [torch.zeros_like(x) if g is None else g for x, g in zip(case.inputs, grads, strict=True)]

    truth = gradients(case.exactly(), "reference")
    assert_all_equal_as_promised(gradients(case, "native"), gradients(case, "reference"), truth)


def test_weights_of_a_batch_have_gradients():
    graph, inputs = irregular(7, 9), [numbers(2, n, 4, 3, seed=n) for n in (7, 9)]

    def gradients(impl):
        _, weights = attend(inputs[0], inputs[1], inputs[1], graph, impl=impl, return_weights=True)
        return torch.autograd.grad(weights, inputs, numbers(*weights.shape, seed=9))

    assert_all_equal_as_promised(gradients("native"), gradients("reference"))


def test_an_offset_table_learns_without_a_number_for_every_edge():
    graph = irregular(100, 100, density=0.9)
    case = Case("Dot", ("bias by offset",), graph)
    case.attend(impl="native").sum().backward()  # what is kept with the graph is made
    with Largest() as largest:
        case.attend(impl="native").sum().backward()
    assert case.tensors["bias"].grad.any()
    assert 0 < largest.numel < graph.num_edges


def test_strides_and_batch_dimensions_are_taken_as_they_are():
    graph = irregular(7, 9)
    query = numbers(2, 4, 7, 3).permute(0, 2, 1, 3)
    key, value = numbers(9, 4, 6, seed=1)[:, :, ::2], numbers(1, 9, 8, 3, seed=2)[:, :, ::2]
    found = attend(query, key, value, graph, impl="native")
    assert error(found, attend(query, key, value, graph, impl="reference")) < 1e-12


def test_logits_of_minus_infinity_silence_an_edge(rows):
    graph = from_mask(torch.ones(3, 7, dtype=torch.bool))
    bias = torch.zeros(21, dtype=torch.float64)
    bias[:7] = -torch.inf
    bias[8:14] = -torch.inf
    value = numbers(7, 1, 2)
    out = attend(numbers(3, 1, 4), numbers(7, 1, 4, seed=1), value, graph, bias=bias, impl="native")
    assert not out[0].any()
    torch.testing.assert_close(out[1], value[0])
    (grad,) = torch.autograd.grad(out.sum(), value)
    assert grad.isfinite().all()


def test_gradients_are_bitwise_the_same_for_any_number_of_threads(rows):
    mask = torch.rand(300, 200, generator=torch.Generator().manual_seed(0)) < 0.05
    mask[7], mask[:, 9] = True, True
    case = Case("GATv2", EXTRAS[-1], from_mask(mask), torch.float32)
    before = torch.get_num_threads()
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(output_and_gradients(case, "native", dropout=0.2, seed=1))
    torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


def test_nothing_is_left_unwritten():
    """A receiver and a sender without edges get zeros, whatever stood in the memory before."""
    for _ in range(3):
        torch.full((4000,), torch.nan)
        graph = irregular(9, 11)
        case = Case("Dot", (), graph)
        out, *grads = output_and_gradients(case, "native")
        assert not out[0].any()
        assert all(x.isfinite().all() for x in (out, *grads))


def test_a_hub_is_cut_and_joined_to_the_same_numbers():
    mask = torch.zeros(3, 10_000, dtype=torch.bool)
    mask[1] = True
    graph = from_mask(mask)
    query, key, value = numbers(3, 1, 4), numbers(10_000, 1, 4, seed=1), numbers(10_000, 1, 4, seed=2)
    found = attend(query, key, value, graph, impl="native")
    assert error(found, attend(query, key, value, graph, impl="reference")) < 1e-12


@pytest.mark.parametrize(("score", "extras"), CASES, ids=str)
def test_gradients_are_those_of_finite_differences(score, extras):
    case = Case(score, extras, irregular(4, 3))

    def function(*tensors):
        case.tensors = dict(zip(case.tensors, tensors, strict=True))
        return case.attend("native", dropout=0.2, seed=3)

    assert gradcheck(function, case.inputs, fast_mode=True)


def test_a_second_derivative_is_refused_and_the_way_named():
    case = Case("Dot", (), irregular(5, 5))
    (grad,) = torch.autograd.grad(case.attend(impl="native").sum(), case.inputs[1], create_graph=True)
    with pytest.raises(RuntimeError, match="can be differentiated once; .* impl='reference'"):
        grad.sum().backward()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"value": numbers(5, 2, 6, dtype=torch.float32)}, "of one dtype"),
        ({"score": Distance()}, "knows no score Distance"),
        ({"graph": from_mask(torch.zeros(5, 5, dtype=torch.bool))}, "no empty tensors"),
    ],
    ids=lambda x: "" if isinstance(x, dict) else x,
)
@pytest.mark.usefixtures("unchecked_shapes")
def test_what_the_compiled_kernels_do_not_take_is_named(more, expected):
    given = {"query": numbers(5, 4, 6), "key": numbers(5, 2, 6), "value": numbers(5, 2, 6), "graph": GRAPH_OF_12} | more
    with pytest.raises(ValueError, match=f"impl='native' .*{expected}.*use impl='auto'"):
        attend(**given, impl="native")


def test_bias_wider_than_the_value_is_named():
    nodes = [numbers(5, 1, 2, dtype=torch.float32) for _ in range(3)]
    with pytest.raises(ValueError, match="no wider than the value"):
        attend(*nodes, GRAPH_OF_12, bias=numbers(12), impl="native")


def test_without_the_compiled_part_native_is_named_and_auto_goes_on(monkeypatch):
    monkeypatch.setattr(compiled, "module", lambda: None)
    nodes = [numbers(5, 1, 2) for _ in range(3)]
    with pytest.raises(ValueError, match="needs the compiled part"):
        attend(*nodes, GRAPH_OF_12, impl="native")
    assert attend(*nodes, GRAPH_OF_12).shape == (5, 1, 2)


def test_another_device_than_the_cpu_is_named():
    nodes = [numbers(5, 1, 2).detach().to("meta") for _ in range(3)]
    with pytest.raises(ValueError, match="runs on the CPU, and the graph is on meta"):
        attend(*nodes, GRAPH_OF_12.to("meta"), impl="native")


def test_an_instruction_set_is_forced_by_a_known_name_that_runs_here(monkeypatch):
    assert kernels.chosen_level("baseline") == "baseline"
    with pytest.raises(ValueError, match="unknown EDGEWISE_CPU_LEVEL 'avx'. Known: baseline, x86-64-v2, x86-64-v3"):
        kernels.chosen_level("avx")
    monkeypatch.setitem(kernels.LEVELS, "beyond", 9)
    with pytest.raises(ValueError, match="EDGEWISE_CPU_LEVEL: this processor runs .*, got beyond; unset it"):
        kernels.chosen_level("beyond")
