"""score_edges hands out what attend puts its softmax over."""

import pytest
import torch
from tests.equal import assert_all_equal_as_promised
from tests.kernels.cases import EXTRAS, GRAPHS, KV_HEADS, SCORES, Case
from tests.kernels.graphs import forward_and_gradients


@pytest.mark.parametrize("extras", EXTRAS, ids=" ".join)
@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("impl", ["auto", "reference"])
def test_score_edges_hands_out_the_logits(impl, score, extras):
    case = Case(score, extras, GRAPHS["batch"])
    senders, receivers = case.graph.edges()
    nodes = [x for name, x in case.tensors.items() if not name.startswith("value")]
    ours, theirs = case.score_edges(impl), case.formula_logits()[receivers, senders]
    if case.heads == KV_HEADS:
        # There is no value, so nothing says how many heads there are, nor, without a bias, in which dtype.
        theirs = theirs[:, :1].to(ours.dtype)
    assert_all_equal_as_promised(forward_and_gradients(ours, nodes), forward_and_gradients(theirs, nodes))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("score", SCORES[1:])
def test_scores_come_in_float32_or_better(score, dtype):
    case = Case(score, (), GRAPHS["irregular"], dtype)
    assert case.score_edges().dtype == (torch.float64 if dtype == torch.float64 else torch.float32)


def test_an_implementation_is_named_among_those_there_are():
    case = Case("Dot", (), GRAPHS["irregular"])
    with pytest.raises(ValueError, match="unknown impl 'dense'. Known: auto, native, reference"):
        case.score_edges("dense")
