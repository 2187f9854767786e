"""The compiled scores of edges against the definition: every score, storage type and instruction set."""

import pytest
import torch
from tests.equal import assert_all_equal_as_promised
from tests.kernels.cases import EXTRAS, GRAPHS, Case
from tests.kernels.compiled_part import LEVELS, Largest, fresh, run_here
from tests.kernels.graphs import forward_and_gradients, from_mask, irregular, numbers

from edgewise import native as compiled
from edgewise.kernels import Additive, Constant, GATv2, score_edges
from edgewise.kernels import native_call as kernels

pytestmark = pytest.mark.skipif(not compiled.available(), reason="this installation has no compiled part")
CASES = [(score, extras) for score in ("Dot", "GATv2") for extras in EXTRAS]


@pytest.fixture(params=LEVELS)
def level(request, monkeypatch):
    if not run_here(request.param):
        pytest.skip(f"this processor does not run {request.param}")
    monkeypatch.setattr(kernels, "LEVEL", request.param)


@pytest.fixture(params=["whole rows", "cut rows"])
def rows(request, monkeypatch):
    if request.param == "cut rows":
        monkeypatch.setattr(kernels, "CUT", 3)


def scores_and_gradients(case, impl):
    return forward_and_gradients(case.score_edges(impl), case.inputs)


@pytest.mark.parametrize(("score", "extras"), CASES, ids=str)
def test_native_equals_the_definition_in_float64(score, extras, rows):
    for graph in GRAPHS.values():
        if graph.num_edges:
            case = Case(score, extras, fresh(graph))
            assert_all_equal_as_promised(scores_and_gradients(case, "native"), scores_and_gradients(case, "reference"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize(("score", "extras"), CASES, ids=str)
def test_native_is_as_exact_as_the_definition(score, extras, dtype, level, rows):
    case = Case(score, extras, fresh(irregular(23, 31)), dtype)
    truth = scores_and_gradients(case.exactly(), "reference")
    assert_all_equal_as_promised(scores_and_gradients(case, "native"), scores_and_gradients(case, "reference"), truth)


@pytest.mark.parametrize("score", ["Dot", "GATv2"])
def test_each_gradient_is_given_alone(score):
    case = Case(score, ("edge_key",), irregular(9, 11))
    together = dict(zip(case.tensors, scores_and_gradients(case, "native")[1:], strict=True))
    for name in case.tensors:
        if name == "value":
            continue
        alone = Case(score, case.extras, case.graph)
        alone.tensors = {other: x.detach().requires_grad_(other == name) for other, x in case.tensors.items()}
        _, found = forward_and_gradients(alone.score_edges("native"), [alone.tensors[name]])
        assert_all_equal_as_promised([found], [together[name]])


@pytest.mark.parametrize("score", ["Dot", "GATv2"])
def test_strides_and_batch_dimensions_are_taken_as_they_are(score):
    graph, dim = irregular(7, 9), 6
    query = numbers(2, 4, 7, dim).permute(0, 2, 1, 3)
    key = numbers(9, 4, 2 * dim, seed=1)[:, ::2, ::2]
    options = Case(score, (), graph).options()
    ours, theirs = (
        forward_and_gradients(score_edges(query, key, graph, impl=impl, **options), [query, key])
        for impl in ("native", "reference")
    )
    assert_all_equal_as_promised(ours, theirs)


def test_gradients_are_bitwise_the_same_for_any_number_of_threads(rows):
    mask = torch.rand(300, 200, generator=torch.Generator().manual_seed(0)) < 0.05
    mask[7], mask[:, 9] = True, True
    graph = from_mask(mask)
    for score, extras in (("GATv2", ("edge_key",)), ("Dot", ("edge_key",))):
        case = Case(score, extras, fresh(graph), torch.float32)
        before, found = torch.get_num_threads(), []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(scores_and_gradients(case, "native"))
        torch.set_num_threads(before)
        for other in found[1:]:
            assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@pytest.mark.parametrize("score", ["Dot", "GATv2"])
def test_nothing_of_size_edges_times_channels_is_made(score):
    graph = irregular(50, 50, density=0.9)
    query, key = numbers(50, 4, 64), numbers(50, 2, 64, seed=1)
    options = {"score": GATv2(numbers(4, 64, seed=2))} if score == "GATv2" else {}
    with Largest() as made:
        forward_and_gradients(score_edges(query, key, graph, impl="native", **options), [query, key])
    assert made.numel < graph.num_edges * 4 * 64 // 4


def test_a_bias_wider_than_the_nodes_widens_the_scores():
    graph = irregular(9, 9)
    query, key = (numbers(9, 2, 3, seed=n, dtype=torch.float32) for n in range(2))
    bias = numbers(graph.num_edges, 2)
    ours, theirs = (
        forward_and_gradients(score_edges(query, key, graph, bias=bias, impl=impl), [query, key, bias])
        for impl in ("native", "reference")
    )
    assert_all_equal_as_promised(ours, theirs)


def test_a_second_derivative_is_refused_and_the_way_named():
    case = Case("Dot", (), irregular(5, 5))
    (grad,) = torch.autograd.grad(case.score_edges("native").sum(), case.inputs[1], create_graph=True)
    with pytest.raises(RuntimeError, match="score_edges: the fast kernels can be differentiated once; .*'reference'"):
        grad.sum().backward()


class Distance:
    """A score of a reader's own: minus the squared distance."""

    name, reads_nodes, number, tensor = "distance", True, 0.0, None

    def logits(self, query, key):
        return -((query - key) ** 2).sum(-1)


def test_what_the_compiled_kernels_do_not_take_is_named():
    graph, x = irregular(5, 5), numbers(5, 1, 2)
    empty = from_mask(torch.zeros(5, 5, dtype=torch.bool))
    for given, options, expected in (
        ((x, x, graph), {"score": Distance()}, "knows no score Distance"),
        ((None, None, graph), {"score": Constant()}, "gains nothing over the reference for the score Constant"),
        ((x[..., :1], x[..., :1], graph), {"score": Additive()}, "gains nothing over the reference for the score"),
        ((x, x, empty), {}, "has no empty tensors"),
        ((x.detach().to("meta"), x.detach().to("meta"), graph.to("meta")), {}, "the graph is on meta"),
    ):
        with pytest.raises(ValueError, match=f"score_edges: impl='native' .*{expected}.*use impl='auto'"):
            score_edges(*given, impl="native", **options)


def test_without_the_compiled_part_native_is_named_and_auto_goes_on(monkeypatch):
    monkeypatch.setattr(compiled, "module", lambda: None)
    with pytest.raises(ValueError, match="score_edges: impl='native' needs the compiled part"):
        score_edges(numbers(5, 1, 2), numbers(5, 1, 2), irregular(5, 5), impl="native")
    assert score_edges(numbers(5, 1, 2), numbers(5, 1, 2), irregular(5, 5)).shape[1] == 1
