"""Cross-entropy of factors is that of their product: loss, gradients, memory; a step with them is a step without."""

import math
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import cross_entropy, linear

from edgewise.data import LanguageTask, Tokens
from edgewise.models import Network, decoder
from edgewise.models.heads import TokenHead
from edgewise.models.logits import Logits, factored
from edgewise.part import Part
from edgewise.patterns import Sequences
from edgewise.training import OBJECTIVES, TrainingConfig, train
from edgewise.training import look as looks
from edgewise.training.factored_cross_entropy import FEW, ROWS, STRETCH, factored_cross_entropy, worth_factoring
from edgewise.training.goal import Goal
from edgewise.training.meter import Meter
from edgewise.training.metrics import read
from edgewise.training.scores import SCORES

OBJECTIVE = OBJECTIVES["cross_entropy"]
TOKENS = 1000


def given(rows=STRETCH // TOKENS + 5, tokens=TOKENS, dtype=torch.float32, spread=5.0):
    torch.manual_seed(0)
    states = torch.randn(rows, 16, dtype=dtype).mul_(spread / 4).requires_grad_()
    weight = torch.randn(tokens, 16, dtype=dtype).requires_grad_()
    return Logits(states, weight), torch.randint(tokens, (rows,))


def loss_and_gradients(loss, logits, targets):
    found = loss(logits, targets)
    return [found.detach(), *torch.autograd.grad(3 * found, (logits.states, logits.weight))]


def whole(logits, targets):
    return cross_entropy(linear(logits.states, logits.weight), targets)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("spread", [0.01, 5.0, 200.0])
def test_loss_and_gradients_are_as_near_to_the_exact_ones_as_pytorchs(dtype, spread):
    logits, targets = given(dtype=dtype, spread=spread)
    assert worth_factoring(logits, targets)
    exact = Logits(*(x.detach().double().requires_grad_() for x in (logits.states, logits.weight)))
    ours = loss_and_gradients(OBJECTIVE.factored, logits, targets.int())
    theirs, wanted = (loss_and_gradients(whole, of, targets) for of in (logits, exact))
    near = 1e-6 if dtype == torch.float32 else 1e-12
    for our, their, want in zip(ours, theirs, wanted, strict=True):
        assert (our - want).abs().max() <= 2 * (their - want).abs().max() + near * want.abs().max()


@pytest.mark.parametrize("tokens", [1, 7, 10_000])
@pytest.mark.parametrize("rows", [1, ROWS - 1, ROWS, ROWS + 1, 2 * ROWS + 3])
def test_stretches_may_be_of_any_number_of_rows(rows, tokens):
    logits, targets = given(rows, tokens, torch.float64)
    ours, theirs = (loss_and_gradients(loss, logits, targets) for loss in (factored_cross_entropy, whole))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("learned", ["states", "weight"])
def test_what_is_frozen_has_no_gradient(learned):
    logits, targets = given(300)
    for name in {"states", "weight"} - {learned}:
        getattr(logits, name).requires_grad_(False)
    found, expected = (
        torch.autograd.grad(loss(logits, targets), getattr(logits, learned)) for loss in (factored_cross_entropy, whole)
    )
    torch.testing.assert_close(found, expected)
    with torch.no_grad():
        assert not factored_cross_entropy(logits, targets).requires_grad


def test_its_gradient_has_none_and_says_so():
    logits, targets = given(10)
    loss = factored_cross_entropy(logits, targets)
    with pytest.raises(RuntimeError, match=r"its gradient has none.*multiplied\(\)"):
        torch.autograd.grad(loss, logits.states, create_graph=True)


def test_an_impossible_token_is_refused():
    logits, targets = given()
    targets[3] = TOKENS
    with pytest.raises(RuntimeError, match="out of bounds"):
        OBJECTIVE.factored(logits, targets)


def test_what_is_left_out_few_or_half_is_multiplied_out():
    logits, targets = given()
    assert not worth_factoring(logits[targets[:10]], targets[:10])
    assert not worth_factoring(Logits(logits.states.bfloat16(), logits.weight.bfloat16()), targets)
    targets[0] = -100
    assert not worth_factoring(logits, targets)
    torch.testing.assert_close(OBJECTIVE.factored(logits, targets), whole(logits, targets))
    few, asked = given(FEW - 1, 10_000)
    assert not worth_factoring(few, asked)
    torch.testing.assert_close(OBJECTIVE.factored(few, asked), whole(few, asked))
    narrow, classes = given(40, 7)
    torch.testing.assert_close(OBJECTIVE.factored(narrow, classes), whole(narrow, classes))


def test_nothing_as_large_as_the_logits_is_made():
    logits, targets = given(4000)
    largest = 0

    class Watched(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            nonlocal largest
            made = func(*args, **(kwargs or {}))
            largest = max([largest, *(x.numel() for x in torch.utils._pytree.tree_leaves(made) if torch.is_tensor(x))])
            return made

    with Watched():
        factored_cross_entropy(logits, targets).backward()
    assert largest <= STRETCH < 4000 * TOKENS


def wide_task():
    """Five documents in which each of 600 tokens follows from the one before, batches of which have many logits."""
    tokens = (7 * torch.arange(10_000)) % 600
    parts = {"train": [0, 1, 2], "validation": [3], "test": [4]}
    answer = Tokens(tuple(f"token {k}" for k in range(600)))
    return LanguageTask("steps of seven", tokens, torch.arange(0, 10_001, 2000), parts, answer, 100, 10)


def network(**options):
    torch.manual_seed(0)
    return Network(decoder(600, dim=16, num_heads=2, num_layers=1, hidden=16, dropout=0.0, **options))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("precision", ["32-true", "64-true"])
def test_a_step_with_factors_is_a_step_without(tmp_path, monkeypatch, tied, precision):
    config = TrainingConfig(
        epochs=2, batch_size=2000, optimiser="sgd", learning_rate=0.05, device="cpu", precision=precision, clip_norm=0.5
    )
    runs = []
    for way in ("factored", "multiplied"):
        model, task = network(tied=tied), wide_task()
        if way == "multiplied":
            monkeypatch.setitem(OBJECTIVES, "cross_entropy", replace(OBJECTIVE, factored=None))
        assert Goal.of(config, task).takes_factors == (way == "factored")
        train(model, task, config, tmp_path / way)
        runs.append((model.state_dict(), [epoch[2:] for epoch in read(tmp_path / way)]))
    (ours, figures), (theirs, expected) = runs
    near = 1e-5 if precision == "32-true" else 1e-10
    torch.testing.assert_close(ours, theirs, atol=10 * near, rtol=near)
    for our, their in zip(figures, expected, strict=True):
        assert our == pytest.approx(their, rel=1e-5)


def test_a_run_takes_factors_where_neither_loss_nor_score_needs_more():
    task = wide_task()
    assert Goal.of(TrainingConfig(), task).takes_factors
    assert not Goal.of(TrainingConfig(label_smoothing=0.1), task).takes_factors
    assert SCORES["perplexity"].of_loss(1e3) == float("inf")


def test_a_look_in_stretches_is_a_look_at_once(tmp_path, monkeypatch):
    outcomes = []
    for stretch in (2**30, 7 * 600):
        monkeypatch.setattr(looks, "STRETCH", stretch)
        config = TrainingConfig(epochs=1, batch_size=700, device="cpu")
        outcomes.append(train(network(), wide_task(), config, tmp_path / str(stretch)))
    once, stretched = outcomes
    assert once.test_outputs.shape == (1999, 2) and torch.equal(once.test_outputs, stretched.test_outputs)
    for part, figures in once.figures.items():
        assert stretched.figures[part] == pytest.approx(figures, rel=1e-5)  # perplexity is added up in float32


class Capped(TokenHead):
    """What a subclass makes of an answer."""

    def forward(self, state, graphs):
        return 3 * torch.tanh(super().forward(state, graphs) / 3)


class Adapter(torch.nn.Linear):
    """What somebody puts in a projection's place."""

    def forward(self, x):
        return super().forward(x) + 1


def test_what_is_more_than_a_plain_product_is_multiplied_out(tmp_path):
    tokens, heard = torch.arange(6), []

    def answer(model):
        with factored(model):
            return model(Sequences([6]), tokens)

    capped = network(head=Part("tests.training.test_factored_cross_entropy:Capped", {"tokens": 600})).eval()
    assert answer(capped).abs().max() <= 3
    assert math.isfinite(
        train(capped, wide_task(), TrainingConfig(epochs=1, device="cpu"), tmp_path).figures["test"][0]
    )
    watched = network().eval()
    handle = watched.head.project.register_forward_hook(lambda *given: heard.append(given[-1].shape))
    assert isinstance(answer(watched), torch.Tensor) and heard == [(6, 600)]
    handle.remove()
    assert isinstance(answer(watched), Logits)
    adapted, plain = network().eval(), network().eval()
    adapted.head.project = Adapter(16, 600, bias=False)
    adapted.head.project.weight = plain.head.project.weight
    torch.testing.assert_close(answer(adapted), plain(Sequences([6]), tokens) + 1)
    with_bias = network().eval()
    with_bias.head.project.bias = torch.nn.Parameter(torch.ones(600))
    torch.testing.assert_close(answer(with_bias), plain(Sequences([6]), tokens) + 1)


def test_several_processes_look_at_whole_batches(monkeypatch):
    said = []
    in_stretches = looks.in_stretches
    monkeypatch.setattr(looks, "in_stretches", lambda *batch: said.append(batch[0]) or in_stretches(*batch))
    for module in (looks, sys.modules[Meter.__module__]):
        monkeypatch.setattr(module, "in_turn", lambda fabric, mine: mine)
    task = wide_task()
    goal = Goal.of(TrainingConfig(), task)
    for world_size, kind in ((1, Logits), (2, torch.Tensor)):
        fabric = SimpleNamespace(world_size=world_size, global_rank=0, broadcast=lambda figures: figures)
        meter = Meter(goal, task.answer, fabric)
        looks.look(network(), task, "test", 0, goal, meter, fabric)
        assert isinstance(said.pop(), kind)


def test_only_within_it_is_an_answer_factored():
    model, tokens = network().eval(), torch.arange(6)
    with factored(model):
        assert isinstance(model(Sequences([6]), tokens), Logits)
        with pytest.raises(ValueError, match="x must have"):
            model(Sequences([6]), {"words": tokens})
    logits = model(Sequences([6]), tokens)
    with factored(model):
        torch.testing.assert_close(model(Sequences([6]), tokens)[tokens[2:4]].multiplied(), logits[2:4])
        with torch.autocast("cpu", torch.bfloat16):
            assert model(Sequences([6]), tokens).dtype == torch.bfloat16
    with factored(torch.nn.Linear(2, 2)) as nothing:
        assert nothing is None
