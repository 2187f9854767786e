"""Vectors of texts are what the checkpoint says they are; padding counts for nothing."""

import json

import pytest
import torch
from tests.tiny_checkpoints import encoder, sentences

from edgewise.pretrained.pooling import KINDS, Pooling

STATES = torch.tensor([[[1.0, 5.0], [3.0, 2.0], [9.0, 9.0]], [[9.0, 9.0], [4.0, 3.0], [2.0, 7.0]]])
REAL = torch.tensor([[1, 1, 0], [0, 1, 1]])
POOLED = {
    "mean": [[2.0, 3.5], [3.0, 5.0]],
    "first": [[1.0, 5.0], [4.0, 3.0]],
    "last": [[3.0, 2.0], [2.0, 7.0]],
    "max": [[3.0, 5.0], [4.0, 7.0]],
}


@pytest.mark.parametrize("kind", KINDS)
def test_padding_on_either_side_counts_for_nothing(kind):
    assert Pooling(kind)(STATES, REAL).tolist() == POOLED[kind]
    assert Pooling(kind, unit=True)(STATES, REAL).norm(dim=1).tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize(
    ("name", "kind"), [("cls_token", "first"), ("mean_tokens", "mean"), ("max_tokens", "max"), ("lasttoken", "last")]
)
def test_what_sentence_transformers_says(tmp_path, name, kind):
    folder = sentences(tmp_path / "s", name)
    assert Pooling.of(folder) == Pooling(kind, unit=True)
    assert Pooling.of(folder, "last") == Pooling("last", unit=True)
    assert Pooling.of(sentences(tmp_path / "t", name, unit=False)) == Pooling(kind)


def test_the_mean_where_nothing_is_said(tmp_path):
    assert Pooling.of(encoder(tmp_path / "e")) == Pooling("mean")


def test_what_nobody_knows_is_refused(tmp_path):
    folder = sentences(tmp_path / "s", "mean_sqrt_len")
    with pytest.raises(ValueError, match="1_Pooling/config.json pools by nothing; say which of mean, first, last, max"):
        Pooling.of(folder)
    (folder / "modules.json").write_text(
        json.dumps([{"path": "", "type": "x.Transformer"}, {"path": "d", "type": "x.Dense"}])
    )
    with pytest.raises(ValueError, match="modules.json puts Transformer, Dense one after another"):
        Pooling.of(folder)
    with pytest.raises(ValueError, match="unknown pooling 'median'"):
        Pooling.of(folder, "median")
