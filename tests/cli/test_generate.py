"""edgewise generate: what transformers would generate, word by word, on the graph that is asked for."""

import shlex

import pytest
import torch
from tests.tiny_checkpoints import decoder, encoder

from edgewise.pretrained import rewire
from edgewise.pretrained.open_model import open_model


@pytest.fixture
def models(edgewise, tmp_path):
    encoder(tmp_path / "enc")
    decoder(tmp_path / "dec")
    return edgewise


def expected(told=None, **options):
    opened = open_model("dec", "generator")
    if told:
        rewire(opened.model, told)
    ids = opened.tokenizer("the cat sat", return_tensors="pt")["input_ids"]
    mask = torch.ones_like(ids)
    found = opened.model.generate(ids, attention_mask=mask, max_new_tokens=12, pad_token_id=0, **options)
    return opened.tokenizer.decode(found[0], skip_special_tokens=True)


@pytest.mark.parametrize("told", [None, "window(1, 0) | hubs(0)"])
def test_the_likeliest_words(models, told):
    more = ["--graph", told] if told else []
    result = models("generate", "dec", "the cat sat", "-n", "12", *more)
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == expected(told, do_sample=False).split()


def test_words_are_drawn_by_the_seed_among_all_unless_told(models):
    torch.manual_seed(5)
    drawn = expected(do_sample=True, temperature=1.5, top_k=0)
    result = models(*shlex.split("generate dec 'the cat sat' -n 12 --temperature 1.5 --seed 5"))
    assert result.stdout.split() == drawn.split() != expected(do_sample=False).split()
    one = models(*shlex.split("generate dec 'the cat sat' -n 12 --temperature 1.5 --top-k 1"))
    assert one.stdout.split() == expected(do_sample=False).split()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("generate enc 'the cat'", "enc: BertModel says no next token, so it cannot generate"),
        ("generate dec '  '", "the prompt is empty; say how the text begins"),
        ("generate dec 'the cat' --top-p 0.5", "--top-p: nothing is drawn at --temperature 0; raise it"),
        ("generate dec 'the cat' --chat", "--chat: dec has no template of a conversation; leave --chat out"),
        ("generate dec 'the cat' -n 63", "the prompt has 2 tokens, and 63 more would pass the 64 that dec"),
        ("generate dec 'the cat' --heads 0", "--heads: there is no --graph for them to hear"),
        ("generate dec 'the cat' --graph tree", "--graph: tree needs tree, which a text does not bring"),
    ],
)
def test_a_mistake_is_one_message(models, command, message):
    result = models(*shlex.split(command))
    assert result.exit_code == 2 and message in result.stderr and "Traceback" not in result.output
    assert not result.stdout
