"""The recurrent block is PyTorch's GRU or LSTM on every sequence alone, and goes on from where it stopped."""

import pytest
import torch
from tests.equal import assert_all_equal_as_promised, assert_equal_as_promised
from tests.kernels.graphs import forward_and_gradients, irregular, numbers

from edgewise.graph import Graph
from edgewise.layers import RECURRENCES, Past, Recurrent, RecurrentConfig, State
from edgewise.patterns import causal, complete, window

DIM, LENGTHS = 4, [3, 1, 0, 5]
KINDS = pytest.mark.parametrize("kind", RECURRENCES)


def built(kind: str = "gru", in_dim: int = DIM, **options) -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(in_dim, RecurrentConfig(kind=kind, **options)).double()


def answer(block: Recurrent, x: torch.Tensor, graph: Graph, past: list[Past] | None = None):
    state, kept = block.step(State({"nodes": x}), {"edges": graph}, past)
    return state.nodes["nodes"], kept


@KINDS
@pytest.mark.parametrize("bidirectional", [False, True])
def test_each_sequence_is_read_as_torch_reads_it_alone(kind, bidirectional):
    block = built(kind, bidirectional=bidirectional, out_dim=6, residual=False)
    assert type(block.recurrence) is RECURRENCES[kind]
    pattern, x = complete() if bidirectional else causal(), numbers(sum(LENGTHS), DIM)
    theirs = torch.cat([block.recurrence(part)[0] for part in x.split(LENGTHS) if len(part)])
    inputs = [x, *block.parameters()]
    assert_all_equal_as_promised(
        forward_and_gradients(answer(block, x, pattern.build_batch(LENGTHS))[0], inputs),
        forward_and_gradients(theirs, inputs),
    )


@pytest.mark.parametrize("placement", ["pre", "post"])
def test_residual_and_norm_stand_around_it(placement):
    block, x = built(norm="layer", placement=placement), numbers(5, DIM)
    before = block.around.norm(x) if placement == "pre" else x
    theirs = x + block.recurrence(before)[0]
    theirs = theirs if placement == "pre" else block.around.norm(theirs)
    assert_equal_as_promised(answer(block, x, causal().build(5))[0], theirs)


@KINDS
def test_a_sequence_in_pieces_is_the_whole(kind):
    block, x = built(kind), numbers(sum(LENGTHS), DIM)
    whole, _ = answer(block, x, causal().build_batch(LENGTHS))
    parts = [part.split([n - n // 2, n // 2]) for part, n in zip(x.split(LENGTHS), LENGTHS, strict=True)]
    firsts, seconds = ([part[k] for part in parts] for k in (0, 1))
    first, second = [len(p) for p in firsts], [len(p) for p in seconds]
    one, past = answer(block, torch.cat(firsts), causal().build_batch(first))
    two, past = answer(block, torch.cat(seconds), causal().build_batch(second, past=first), past)
    again = [row for pair in zip(one.split(first), two.split(second), strict=True) for row in pair]
    assert_equal_as_promised(torch.cat(again), whole)
    assert past[0].value.shape == (4, 1, DIM)
    assert past[0].offsets.tolist() == [0, 1, 2, 3, 4]
    assert (past[0].key is None) == (kind == "gru")
    assert (past[0].value[2] == 0).all()  # of an empty sequence


@KINDS
def test_leading_dimensions_are_examples_with_a_past_each(kind):
    block, x = built(kind), numbers(2, 3, 5, DIM)
    whole, _ = answer(block, x, causal().build_batch([3, 2]))
    assert_equal_as_promised(whole[1, 2], answer(block, x[1, 2], causal().build_batch([3, 2]))[0])
    first, past = answer(block, x[..., :2, :], causal().build(2))
    rest, _ = answer(block, x[..., 2:, :], causal().build(3, 5), past)
    assert_equal_as_promised(torch.cat([first, rest], dim=-2), answer(block, x, causal().build(5))[0])


@KINDS
@pytest.mark.parametrize("bidirectional", [False, True])
def test_small_sequences_pass(kind, bidirectional):
    block, pattern = built(kind, bidirectional=bidirectional), complete() if bidirectional else causal()
    for length in (0, 1):
        x = numbers(length, DIM)
        out, _ = answer(block, x, pattern.build(length))
        out.sum().backward()
        assert out.shape == (length, DIM)
        assert x.grad.isfinite().all()


@pytest.mark.parametrize("reads", [False, True], ids=["forward", "both ways"])
def test_nobody_is_moved_by_whom_they_cannot_hear(reads):
    block, graph = built(bidirectional=reads), (complete() if reads else causal()).build_batch([4, 3])
    x = numbers(7, DIM)
    moved = torch.autograd.functional.jacobian(lambda x: answer(block, x, graph)[0], x).abs().sum((1, 3)) > 0
    assert torch.equal(moved, graph.dense())


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "gur"}, "unknown recurrence 'gur'. Known: gru, lstm. Did you mean 'gru'"),
        ({"bidirectional": True, "out_dim": 5}, "Recurrent: two directions cannot share 5 channels evenly"),
        ({"out_dim": 5}, "a residual adds the state itself, so 4 and 5 channels must be equal"),
        ({"graph": "a->b", "nodes": "b"}, "renews the node set 'b', so it reads a graph among these nodes, got 'a->b'"),
        ({"placement": "mid"}, "unknown RecurrentConfig.placement 'mid'. Known: post, pre"),
    ],
)
def test_settings_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        built(**options)


@pytest.mark.parametrize(
    ("bidirectional", "graph"),
    [
        (False, complete().build(4)),
        (False, window(1, 0).build(4)),
        (False, irregular(4, 4)),
        (False, Graph.batch([causal().build(3), causal().build(2, 1)])),
        (True, causal().build(4)),
        (True, window(1, 1).build(4)),
    ],
    ids=str,
)
def test_a_graph_that_it_could_not_honour_is_refused(bidirectional, graph):
    told = "hears itself and all that comes earlier of its sequence, so the graph 'edges' must be the pattern 'causal'"
    if bidirectional:
        told = "hears all of its sequence, so the graph 'edges' must be the pattern 'complete', got Graph"
    with pytest.raises(ValueError, match=told):
        answer(built(bidirectional=bidirectional), numbers(graph.num_receivers, DIM), graph)


def kept(kind: str = "gru", count: int = 1) -> list[Past]:
    return answer(built(kind), numbers(2 * count, DIM), causal().build_batch([2] * count))[1]


@pytest.mark.parametrize(
    ("kind", "past", "message"),
    [
        ("gru", None, "Recurrent: the graph counts 2 past nodes, and no past was given"),
        ("gru", [], "Recurrent: expected one past, got 0"),
        ("gru", kept(count=2), r"past must be the last states \[1, 1, 4\] of the same sequences; give each block"),
        ("gru", kept("lstm"), r"past must be the last states \[1, 1, 4\] of the same sequences; give each block"),
        ("lstm", kept(), r"last states \[1, 1, 4\] of the same sequences, and their cells; give each block the past"),
    ],
)
def test_a_past_that_does_not_fit_is_refused(kind, past, message):
    with pytest.raises(ValueError, match=message):
        answer(built(kind), numbers(1, DIM), causal().build(1, 3), past)


def test_states_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"Recurrent: expected states \[\.\.\., 3, 4\], got \[2, 4\]"):
        answer(built(), numbers(2, DIM), causal().build(3))


def test_what_reads_from_the_end_has_no_past():
    block = built(bidirectional=True)
    assert answer(block, numbers(2, DIM), complete().build(2))[1] == []
    with pytest.raises(ValueError, match="Recurrent: a bidirectional one hears what comes later, so it has no past"):
        answer(block, numbers(1, DIM), complete().build(1, 3), kept())
