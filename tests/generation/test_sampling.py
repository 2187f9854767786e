"""Sampling: what is kept, and how often it is drawn."""

import pytest
import torch

from edgewise.generation import Sampling, among_likeliest, among_likely

LOGITS = torch.tensor([0.5, 0.25, 0.15, 0.1]).log()


def frequencies(sampling, draws=4000):
    drawn = sampling.drawn(LOGITS.expand(draws, 4), [torch.Generator().manual_seed(0)] * draws)
    return torch.bincount(drawn, minlength=4) / draws


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(1.0), [0.5, 0.25, 0.15, 0.1]),
        (Sampling(0.5), [0.7246, 0.1812, 0.0652, 0.029]),
        (Sampling(1.0, top_k=2), [2 / 3, 1 / 3, 0, 0]),
        (Sampling(1.0, top_p=0.8), [5 / 9, 5 / 18, 1 / 6, 0]),
        (Sampling(1.0, top_k=2, top_p=0.6), [1, 0, 0, 0]),
        (Sampling(), [1, 0, 0, 0]),
    ],
)
def test_tokens_are_drawn_as_often_as_they_are_likely(sampling, expected):
    assert torch.allclose(frequencies(sampling), torch.tensor(expected, dtype=torch.float32), atol=0.03)


def test_the_likeliest_is_always_kept_and_exactly_so_many_are():
    logits = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    for kept in (among_likeliest(logits, 1), among_likely(logits, 1e-9)):
        assert torch.equal(kept.isfinite().nonzero()[:, 1], logits.argmax(-1))
    assert among_likeliest(torch.zeros(3, 7), 4).isfinite().sum(-1).tolist() == [4, 4, 4]
    assert torch.equal(among_likeliest(logits, 9), logits) and torch.equal(among_likely(logits, 1.0), logits)


def test_the_nucleus_is_the_smallest_set_of_so_much_probability():
    logits = torch.randn(20, 9, generator=torch.Generator().manual_seed(1))
    chances, kept = logits.softmax(-1), among_likely(logits, 0.7).isfinite()
    sums = (chances * kept).sum(-1)
    least = chances.masked_fill(~kept, 1).min(-1).values
    assert bool((sums >= 0.7 - 1e-6).all()) and bool((sums - least < 0.7).all())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -0.1}, "temperature must be a number from 0 on, got -0.1"),
        ({"temperature": float("nan")}, "temperature must be a number from 0 on, got nan"),
        ({"temperature": 1.0, "top_k": 0}, "top_k must be at least 1, got 0. It counts tokens"),
        ({"temperature": 1.0, "top_p": 0.0}, "top_p must be above 0 and at most 1, got 0.0. It is a probability"),
        ({"temperature": 1.0, "top_p": 1.5}, "top_p must be above 0 and at most 1, got 1.5"),
        ({"top_p": 0.5}, "top_p=0.5 is of what is drawn, and nothing is at temperature 0; raise it, or leave"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Sampling(**options)
