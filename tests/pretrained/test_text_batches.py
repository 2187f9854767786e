"""Texts become batches: padded, cut where they are too long, in pieces where all their tokens count."""

import torch
from tests.tiny_checkpoints import TEXTS, decoder, encoder, tokenizer

from edgewise.pretrained.open_model import open_model
from edgewise.pretrained.text_batches import longest, text_batches


def test_an_example_a_text():
    made = text_batches(tokenizer(), TEXTS, length=9, size=3, pieces=False)
    lengths = [len(text.split()) + 2 for text in TEXTS]  # [CLS] and [SEP]
    real = [int(row.sum()) for batch in made.batches for row in batch["attention_mask"]]
    assert real == [min(length, 9) for length in lengths] and made.num_tokens == sum(real)
    assert [tuple(batch["input_ids"].shape) for batch in made.batches] == [(3, 9), (1, 4)]
    assert made.cut == sum(length > 9 for length in lengths) == 1 and made.text == (0, 1, 2, 3)
    for batch in made.batches:
        assert not batch["input_ids"][batch["attention_mask"] == 0].any()


def test_pieces_hold_every_token():
    words = tokenizer(around=False)
    made = text_batches(words, TEXTS, length=4, size=2, pieces=True)
    assert made.cut == 0 and made.text == (0, 0, 1, 2, 2, 2, 3) and made.total == 7
    ids = torch.cat([b["input_ids"][b["attention_mask"].bool()] for b in made.batches]).tolist()
    assert ids == [k for text in TEXTS for k in words(text)["input_ids"]]
    assert len(text_batches(words, TEXTS, length=4, size=2, pieces=True, most=3).text) == 3
    # A piece of one token says nothing of what comes next.
    assert text_batches(words, ["the cat sat on the"], length=4, size=2, pieces=True).num_tokens == 4


def test_how_long_a_text_may_be(tmp_path):
    assert longest(open_model(encoder(tmp_path / "e"))) == 64
    opened = open_model(decoder(tmp_path / "d"))
    opened.tokenizer.model_max_length = 10**30
    assert longest(opened) == 64
    opened.model.config.model_type = "roberta"
    assert longest(opened) == 63  # position 0 is of padding
