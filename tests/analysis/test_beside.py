"""A rewired model beside itself: edges are counted by hand, and the model is left rewired."""

import pytest
import torch
from tests.tiny_checkpoints import SHAPE, TEXTS, decoder, encoder, tokenizer
from transformers import BertConfig, BertModel

from edgewise import rewire
from edgewise.analysis.beside import beside
from edgewise.analysis.quality import Cosines, Perplexity
from edgewise.pretrained.open_model import Opened, open_model
from edgewise.pretrained.pooling import Pooling
from edgewise.pretrained.text_batches import text_batches

HEADS, LAYERS = 4, 2


def edges(lengths, heard):
    return HEADS * LAYERS * sum(heard(q, k) for n in lengths for q in range(n) for k in range(n))


def looked(opened, told, asked, **options):
    batches = text_batches(opened.tokenizer, TEXTS, length=64, size=2, **options)
    heard = []
    found = beside(opened, lambda model: rewire(model, **told), batches.batches, asked, lambda *x: heard.append(x))
    assert heard == [(k, 4) for k in (1, 2, 3, 4)]
    return found, [int(row.sum()) for batch in batches.batches for row in batch["attention_mask"]]


def test_an_encoder(tmp_path):
    opened = open_model(encoder(tmp_path / "e"))
    found, lengths = looked(opened, {"pattern": "window(1, 1)"}, lambda: [Cosines(Pooling())], pieces=False)
    assert found.original.edges == edges(lengths, lambda q, k: True)
    assert found.rewired.edges == edges(lengths, lambda q, k: abs(q - k) <= 1)
    assert found.original.scores["cosine, least"] == pytest.approx(1, abs=1e-6)
    assert found.rewired.scores["cosine, least"] < 0.9999
    assert found.original.seconds > 0 and found.rewired.seconds > 0
    assert opened.model.config._attn_implementation == "edgewise"


def test_a_decoder_some_of_whose_heads_hear_it(tmp_path):
    opened = open_model(decoder(tmp_path / "d"))
    told = {"pattern": "window(1, 0)", "heads": [0, 1], "layers": [0]}
    found, lengths = looked(opened, told, lambda: [Perplexity()], pieces=True)
    causal = edges(lengths, lambda q, k: k <= q)
    assert found.original.edges == causal // LAYERS  # layers that are not rewired are not counted
    near = edges(lengths, lambda q, k: q - 1 <= k <= q)
    assert found.rewired.edges == (causal + near) // (2 * LAYERS)
    assert found.rewired.scores["perplexity"] != found.original.scores["perplexity"]


def test_padding_alike_in_all_examples_is_not_counted():
    torch.manual_seed(0)
    opened = Opened(BertModel(BertConfig(**SHAPE)).eval(), tokenizer(), "tiny")
    real = torch.tensor([[1] * 5 + [0] * 3] * 2)
    batch = {"input_ids": torch.randint(5, 20, (2, 8)) * real, "attention_mask": real}
    found = beside(opened, lambda model: rewire(model, "window(1, 1)"), [batch], lambda: [Cosines(Pooling())])
    assert found.original.edges == edges([5, 5], lambda q, k: True)
    assert found.rewired.edges == edges([5, 5], lambda q, k: abs(q - k) <= 1)


def test_the_complete_graph_changes_nothing(tmp_path):
    opened = open_model(decoder(tmp_path / "d"))
    found, _ = looked(opened, {"pattern": "complete"}, lambda: [Perplexity()], pieces=True)
    assert found.rewired.edges == found.original.edges
    assert found.rewired.scores["perplexity"] == pytest.approx(found.original.scores["perplexity"], rel=1e-5)
    assert torch.is_grad_enabled()
