"""What is asked of a model is what the books say: perplexity, cosines, hidden tokens, classes."""

import math
from types import SimpleNamespace

import pytest
import torch
import transformers as hf
from tests.tiny_checkpoints import TEXTS, decoder, encoder
from torch.nn.functional import cosine_similarity

from edgewise.analysis.quality import Classes, Cosines, MaskedTokens, Perplexity, numbered, qualities
from edgewise.pretrained.open_model import open_model
from edgewise.pretrained.pooling import Pooling
from edgewise.pretrained.text_batches import text_batches


def test_perplexity_is_that_of_the_models_own_loss(tmp_path):
    opened = open_model(decoder(tmp_path / "d"))
    quality, losses, count = Perplexity(), 0.0, 0
    for batch in text_batches(opened.tokenizer, TEXTS, length=64, size=2, pieces=True).batches:
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        with torch.no_grad():
            outputs = opened.model(**batch, labels=labels)
        asked = int((labels[:, 1:] != -100).sum())
        losses, count = losses + float(outputs.loss) * asked, count + asked
        quality.add(outputs, batch)
    assert quality.scores(None)["perplexity"] == pytest.approx(math.exp(losses / count), rel=1e-5)


def test_cosines_are_of_the_texts(tmp_path):
    opened = open_model(encoder(tmp_path / "e"))
    batch = dict(opened.tokenizer(list(TEXTS), padding=True, return_tensors="pt"))
    before, after = Cosines(Pooling()), Cosines(Pooling("first"))
    for quality in (before, after):
        with torch.inference_mode():
            quality.add(opened.model(**quality.prepared(batch)), batch)
    found = after.scores(before)
    expected = cosine_similarity(after.vectors[0], before.vectors[0])
    assert found == {"cosine, mean": pytest.approx(float(expected.mean())), "cosine, least": float(expected.min())}
    assert before.scores(before)["cosine, least"] == pytest.approx(1)


def test_cosines_of_a_model_with_a_head_are_of_its_last_states(tmp_path):
    opened = open_model(encoder(tmp_path / "e", hf.BertForMaskedLM))
    batch, quality = dict(opened.tokenizer(list(TEXTS), padding=True, return_tensors="pt")), Cosines(Pooling("first"))
    quality.add(opened.model(**quality.prepared(batch)), batch)
    assert torch.equal(quality.vectors[0], opened.model.bert(**batch).last_hidden_state[:, 0].detach())


def test_hidden_tokens_are_ordinary_ones_and_the_same_for_both(tmp_path):
    opened = open_model(encoder(tmp_path / "e", hf.BertForMaskedLM))
    words = opened.tokenizer
    batch = dict(words(list(TEXTS) * 20, padding=True, return_tensors="pt"))
    quality, other = MaskedTokens(words), MaskedTokens(words)
    ids = quality.prepared(batch)["input_ids"]
    assert torch.equal(ids, other.prepared(batch)["input_ids"])
    hidden = ids != batch["input_ids"]
    assert (ids[hidden] == words.mask_token_id).all() and not torch.isin(
        batch["input_ids"][hidden], torch.tensor(words.all_special_ids)
    ).any()
    ordinary = ~torch.isin(batch["input_ids"], torch.tensor(words.all_special_ids))
    assert 0.1 < int(hidden.sum()) / int(ordinary.sum()) < 0.2
    logits = torch.nn.functional.one_hot(batch["input_ids"], 30).float()
    logits[0] = 0  # all of the first example are said to be token 0
    quality.add(SimpleNamespace(logits=logits), batch)
    right = 1 - int(hidden[0].sum()) / int(hidden.sum())
    assert quality.scores(None) == {"hidden tokens said rightly": pytest.approx(right)}


def test_classes_as_before_and_as_labelled():
    before, after = Classes([0, 1, 1]), Classes([0, 1, 1])
    before.add(SimpleNamespace(logits=torch.tensor([[2.0, 1], [1, 2], [2, 1]])), {})
    after.add(SimpleNamespace(logits=torch.tensor([[2.0, 1], [1, 2], [1, 2]])), {})
    assert after.scores(before) == {"classes as before": pytest.approx(2 / 3), "accuracy": 1.0}
    assert before.scores(before)["accuracy"] == pytest.approx(2 / 3)
    tokens, batch = Classes(None), {"attention_mask": torch.tensor([[1, 0]])}
    tokens.add(SimpleNamespace(logits=torch.tensor([[[2.0, 1], [1, 2]]])), batch)
    assert tokens.said[0].tolist() == [0] and tokens.scores(None) == {"classes as before": 1.0}


def test_each_head_is_asked_what_it_is_for(tmp_path):
    def asked(opened, labels=None):
        return [type(one) for one in qualities(opened, labels, Pooling())]

    assert asked(open_model(decoder(tmp_path / "d"))) == [Perplexity]
    bert = open_model(encoder(tmp_path / "e"))
    assert asked(bert) == [Cosines]
    assert asked(open_model(encoder(tmp_path / "m", hf.BertForMaskedLM))) == [Cosines, MaskedTokens]
    assert asked(open_model(encoder(tmp_path / "t", hf.BertForTokenClassification))) == [Cosines, Classes]
    with pytest.raises(ValueError, match="BertModel says no class of a text, so that labels have no use"):
        asked(bert, ["good"])
    said = open_model(
        encoder(
            tmp_path / "c",
            hf.BertForSequenceClassification,
            id2label={0: "bad", 1: "good"},
            label2id={"bad": 0, "good": 1},
        )
    )
    assert asked(said, ["good"]) == [Cosines, Classes]
    assert numbered(["good", "0", "bad"], said) == [1, 0, 0]
    with pytest.raises(ValueError, match="row 1: .* has no class 'goood'. Known: bad, good. Did you mean 'good'"):
        numbered(["good", "goood"], said)
