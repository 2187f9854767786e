"""Training throughput: every layout holds the same sentences, a wrong peer is refused, and the fastest is the judge."""

import pytest
import torch
from tests.scripts import imported


@pytest.fixture(scope="module")
def bench():
    """The scripts by their names."""
    with imported() as scripts:
        yield scripts


def sentences(bench, *lengths):
    torch.manual_seed(0)
    return bench.sentences.Sentences([torch.randint(40, (length + 1,)) for length in lengths])


def test_every_layout_of_a_batch_holds_each_sentence_once(bench):
    batch = sentences(bench, 3, 7, 1, 4, 2)
    pairs = sorted(zip(batch.heard.tolist(), batch.asked.tolist(), strict=True))
    for rows, shape in ((batch.padded, (5, 7)), (batch.packed, (3, 7))):
        assert rows.tokens.shape == shape and rows.heard.diagonal(dim1=1, dim2=2).all()
        assert sorted(zip(rows.tokens[rows.real].tolist(), rows.targets[rows.real].tolist(), strict=True)) == pairs
        assert sorted(rows.heard.sum(-1)[rows.real].tolist()) == sorted((rows.places[rows.real] + 1).tolist())
    assert batch.padded.padding == pytest.approx(18 / 35)


def test_batches_of_both_orders_hold_all_sentences(bench):
    texts = [torch.arange(length) for length in range(2, 40)]
    for order in bench.sentences.ORDERS:
        made = bench.sentences.batches(texts, 100, order)
        assert sorted(len(text) for batch in made for text in batch.texts) == list(range(2, 40))
        assert max(batch.size for batch in made) < 140


def test_a_language_model_with_another_loss_is_refused(bench, monkeypatch):
    size = bench.language_models.Size(40, dim=8, num_layers=1, num_heads=2, hidden=8, places=8)
    batch = sentences(bench, 3, 7, 2)
    bench.throughput.check(size, batch)
    wrong = bench.language_models.Way(
        "GPT-2", False, "padded", lambda *x: bench.language_models.position_ids(*x) * 1.01
    )
    monkeypatch.setitem(bench.throughput.WAYS, "GPT-2, wrong", wrong)
    with pytest.raises(SystemExit, match="GPT-2, wrong: loss and gradient are off by .* no speed is reported"):
        bench.throughput.check(size, batch)


def test_throughput_is_judged_against_the_fastest_way_of_each_peer(bench):
    size = bench.language_models.Size(40, dim=8, num_layers=1, num_heads=2, hidden=8, places=8)
    taken = bench.throughput.rounds(size, [sentences(bench, 3, 7, 2)] * 3, lambda: None)
    assert all(len(seconds) == 2 for seconds in taken.values())
    seconds = {name: [3.0, 3.0] for name in taken} | {
        "edgewise decoder": [1.0, 1.0],
        "torch.nn, packed by hand": [1.5, 1.5],
    }
    rows = bench.throughput.told("random", 0.0, seconds, [12, 12])
    found = {(one["peer"], one["packed"]): (one["times"][1], one["kept"]) for one in bench.throughput.goals(rows)}
    assert found == {
        ("torch.nn", False): (3.0, True),
        ("torch.nn", True): (1.5, False),
        ("GPT-2", False): (1.0, False),
        ("GPT-2", True): (1.0, False),
    }


def test_texts_that_part_from_hugging_faces_are_refused(bench, monkeypatch):
    size = bench.language_models.Size(50, dim=16, num_layers=2, num_heads=2, hidden=32, places=128)
    monkeypatch.setattr(bench.generation, "SIZE", size)
    models, prompts = bench.language_models.twins(size), bench.generation.drawn(3)
    assert len(set(map(len, prompts))) > 1
    ours = bench.generation.said(models["GPT-2", True].eval(), prompts, 9)
    theirs = bench.generation.said_by_hugging_face(models["GPT-2", False].eval(), prompts, 9)
    bench.generation.check(ours, theirs)
    with pytest.raises(SystemExit, match="text 2: .* no speed is reported"):
        bench.generation.check(ours, [*theirs[:2], theirs[0]])
