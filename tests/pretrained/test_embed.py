"""A vector a text, in the order of the texts, whatever they are batched with."""

import torch
from tests.tiny_checkpoints import TEXTS, encoder

from edgewise.pretrained import rewire
from edgewise.pretrained.embed import embed
from edgewise.pretrained.open_model import open_model
from edgewise.pretrained.pooling import Pooling


def test_each_text_as_if_it_were_alone(tmp_path):
    opened = open_model(encoder(tmp_path / "e"), "states")
    told_of = []
    for told in (None, "window(1, 1) | hubs(0)"):
        if told:
            rewire(opened.model, told)
        told_of.clear()
        vectors = embed(opened, TEXTS, Pooling(), length=64, batch_size=3, tell=lambda *so_far: told_of.append(so_far))
        assert told_of == [(1, 2), (2, 2)] and not vectors.requires_grad
        for text, vector in zip(TEXTS, vectors, strict=True):
            with torch.no_grad():
                alone = opened.model(**opened.tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)
            torch.testing.assert_close(vector, alone, rtol=1e-5, atol=1e-6)
