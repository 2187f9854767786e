"""torch.func's transforms and forward mode: PyTorch's own operations take them, compiled kernels refuse in words."""

import pytest
import torch
from tests.kernels.cases import EXTRAS, SCORES, Case
from tests.kernels.graphs import causal, forward_and_gradients, irregular, numbers
from torch.autograd import forward_ad, gradcheck
from torch.func import functional_call, grad, jacrev, jvp, vjp, vmap
from torch.testing import assert_close

from edgewise import native
from edgewise.kernels import REDUCTIONS, Dot, aggregate, attend, score_edges

pytestmark = pytest.mark.usefixtures("unchecked_shapes")

needs_compiled = pytest.mark.skipif(not native.available(), reason="this installation has no compiled part")
IRREGULAR, DENSE = irregular(7, 6), causal(6, 6)
CALLS = {
    "irregular": lambda q, k, v: attend(q, k, v, IRREGULAR),
    "reference": lambda q, k, v: attend(q, k, v, IRREGULAR, impl="reference"),
    "dense": lambda q, k, v: attend(q[:6], k, v, DENSE),
    "dropout": lambda q, k, v: attend(q, k, v, IRREGULAR, dropout=0.3, seed=1),
    "scores": lambda q, k, v: score_edges(q, k, IRREGULAR) * v.sum(),
    "max": lambda q, k, v: aggregate(v * k, IRREGULAR, "max") * q.sum(),
}


def nodes(*batch: int) -> list[torch.Tensor]:
    return [numbers(*batch, n, 2, 4, seed=n + len(batch)).detach() for n in (7, 6, 6)]


@pytest.mark.parametrize("name", CALLS)
def test_grad_and_vjp_are_autograds(name):
    call, inputs = CALLS[name], [x.requires_grad_() for x in nodes()]
    out, *theirs = forward_and_gradients(call(*inputs), inputs)
    generator = torch.Generator().manual_seed(7)
    cotangent = torch.randn(out.shape, generator=generator, dtype=torch.float64)
    plain = [x.detach() for x in inputs]
    found, back = vjp(call, *plain)
    assert_close((found, *back(cotangent)), (out, *theirs))
    assert_close(grad(lambda *x: (call(*x) * cotangent).sum(), argnums=(0, 1, 2))(*plain), tuple(theirs))


@pytest.mark.parametrize("name", CALLS)
def test_vmap_is_one_call_an_example(name):
    call, inputs = CALLS[name], nodes(3)
    assert_close(vmap(call)(*inputs), torch.stack([call(*x) for x in zip(*inputs, strict=True)]))
    one = [x[0] for x in inputs]
    alone = torch.stack([call(one[0], k, one[2]) for k in inputs[1].unbind(0)], dim=1)
    assert_close(vmap(call, in_dims=(None, 0, None), out_dims=1)(one[0], inputs[1], one[2]), alone)


@pytest.mark.parametrize("name", CALLS)
def test_gradients_of_every_example(name):
    call, inputs = CALLS[name], nodes(3)
    each = grad(lambda *x: call(*x).square().sum())
    assert_close(vmap(each)(*inputs), torch.stack([each(*x) for x in zip(*inputs, strict=True)]))


@pytest.mark.parametrize("name", CALLS)
def test_jvp_is_the_jacobian_times_the_tangent(name):
    call, inputs, tangents = CALLS[name], nodes(), [x.cos() for x in nodes()]
    out, tangent = jvp(call, tuple(inputs), tuple(tangents))
    assert_close(out, call(*inputs))
    jacobians = jacrev(call, argnums=(0, 1, 2))(*inputs)
    assert_close(tangent, sum(torch.tensordot(j, t, t.dim()) for j, t in zip(jacobians, tangents, strict=True)))


@pytest.mark.parametrize("name", CALLS)
def test_dual_numbers_carry_the_same_tangent(name):
    call, inputs, tangents = CALLS[name], nodes(), [x.cos() for x in nodes()]
    with forward_ad.dual_level(), torch.no_grad():
        out = forward_ad.unpack_dual(call(*map(forward_ad.make_dual, inputs, tangents)))
    assert_close(out, jvp(call, tuple(inputs), tuple(tangents)), check_stride=False)


def test_a_tangent_of_a_bias_alone_is_not_lost():
    inputs, bias = nodes(), numbers(IRREGULAR.num_edges).detach()
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(bias, torch.ones_like(bias).cumsum(0))
        assert forward_ad.unpack_dual(attend(*inputs, IRREGULAR, bias=dual)).tangent.abs().max() > 0.1


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("extras", EXTRAS, ids=" ".join)
def test_the_reference_is_differentiable_both_ways_and_in_batches(score, extras):
    case = Case(score, extras, irregular(4, 3))

    def function(*tensors):
        case.tensors = dict(zip(case.tensors, tensors, strict=True))
        return case.attend("reference", dropout=0.2, seed=3)

    checked = {"check_forward_ad": True, "check_batched_grad": True, "check_batched_forward_grad": True}
    assert gradcheck(function, case.inputs, fast_mode=True, **checked)


@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_aggregate_is_differentiable_both_ways_and_in_batches(reduce):
    def function(value, weights):
        return aggregate(value, IRREGULAR, reduce, weights=weights)

    inputs = numbers(6, 2, 3), numbers(IRREGULAR.num_edges, 2)
    assert gradcheck(function, inputs, fast_mode=True, check_forward_ad=True, check_batched_forward_grad=True)


def test_a_module_is_called_functionally():
    project, x = torch.nn.Linear(8, 24), numbers(7, 8, dtype=torch.float32).detach()
    graph = irregular(7, 7)

    def loss(parameters):
        q, k, v = functional_call(project, parameters, (x,)).view(7, 3, 2, 4).unbind(1)
        return attend(q, k, v, graph).square().sum()

    parameters = dict(project.named_parameters())
    ours = grad(loss)({name: p.detach() for name, p in parameters.items()})
    theirs = torch.autograd.grad(loss(parameters), list(parameters.values()))
    assert_close(list(ours.values()), list(theirs))


def test_what_a_transform_makes_a_graph_remember_outlives_the_transform():
    graph, (q, k, v) = irregular(7, 6, seed=3), nodes()
    vmap(lambda q: grad(lambda q: attend(q, k, v, graph, impl="reference").sum())(q))(q[None])
    assert_close(attend(q, k, v, graph), attend(q, k, v, irregular(7, 6, seed=3)))
    assert all(not torch._C._functorch.is_functorch_wrapped_tensor(x) for x in graph.edges())


@needs_compiled
def test_compiled_kernels_asked_for_by_name_refuse_transforms():
    inputs = nodes()
    expected = "impl='native' works outside of torch.func's transforms and forward-mode .*; use impl='auto'"
    with pytest.raises(ValueError, match=expected):
        vmap(lambda *x: attend(*x, IRREGULAR, impl="native"))(*nodes(2))
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(inputs[0], torch.ones_like(inputs[0]))
        with pytest.raises(ValueError, match=expected):
            attend(dual, *inputs[1:], IRREGULAR, impl="native")


@needs_compiled
@pytest.mark.parametrize("impl", ["native", "tiles"])
def test_a_batch_of_gradients_is_refused_and_the_way_named(impl):
    graph = causal(64)
    q = numbers(64, 2, 4)
    out, seeds = attend(q, q, q, graph, impl=impl), torch.ones(3, 64, 2, 4, dtype=torch.float64)
    with pytest.raises(RuntimeError, match="one plain gradient at a time, .*; call it with impl='reference'"):
        torch.autograd.grad(out, q, seeds, is_grads_batched=True)
    plain = attend(q, q, q, graph, impl="reference")
    assert torch.autograd.grad(plain, q, seeds, is_grads_batched=True)[0].shape == (3, 64, 2, 4)


@needs_compiled
@pytest.mark.parametrize(
    "operation",
    [
        lambda x, graph: aggregate(x, graph, "sum", impl="native"),
        lambda x, graph: aggregate(x, graph, "max", impl="native"),
        lambda x, graph: score_edges(x, x, graph, impl="native"),
    ],
    ids=["sum", "max", "scores"],
)
def test_a_batch_of_gradients_of_sums_and_scores_is_refused(operation):
    x = numbers(64, 2, 4)
    out = operation(x, causal(64))
    with pytest.raises(RuntimeError, match="one plain gradient at a time, .*; call it with impl='reference'"):
        torch.autograd.grad(out, x, torch.ones(3, *out.shape, dtype=torch.float64), is_grads_batched=True)


@pytest.mark.parametrize("impl", ["native", "tiles", "dense"])
def test_a_second_derivative_is_refused_and_the_way_named(impl):
    if impl != "dense" and not native.available():
        pytest.skip("this installation has no compiled part")
    q = numbers(64, 2, 4)
    (first,) = torch.autograd.grad(attend(q, q, q, causal(64), score=Dot(), impl=impl).sum(), q, create_graph=True)
    with pytest.raises(RuntimeError, match="can be differentiated once; .* impl='reference'"):
        first.sum().backward()
