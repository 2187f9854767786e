"""Dropout by counter: a pure function of seed, receiver, sender and head, fixed for all implementations to come."""

import itertools

import pytest
import torch

from edgewise.kernels import keep
from edgewise.kernels.dropout import threshold

HASHES = [0, 2159226863, 2394610455, 1493166658]
ROWS = ["0110111111011101", "0110110111110010", "1101000011111011", "1100001000100000"]
RECEIVERS, SENDERS = torch.arange(100)[:, None], torch.arange(150)


def mix(x):
    x ^= x >> 16
    x = x * 0x7FEB352D % 2**32
    x ^= x >> 15
    x = x * 0x846CA68B % 2**32
    return x ^ (x >> 16)


def drawn(seed, receiver, sender, head):
    """The number that is compared with the threshold, in Python's integers."""
    low, high = seed % 2**32, seed // 2**32
    row = mix((mix((low + receiver * 0x9E3779B1) % 2**32) + head * 0x85EBCA77) % 2**32)
    return mix(row ^ mix((high + sender * 0xC2B2AE3D) % 2**32))


def test_the_hash_is_fixed():
    assert [drawn(0, *at) for at in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]] == HASHES
    kept = keep(123456789, torch.arange(4)[:, None], torch.arange(16), 1, 0.5).squeeze(-1)
    assert ["".join("01"[k] for k in row) for row in kept.tolist()] == ROWS


@pytest.mark.parametrize("seed", [0, 1, 123456789, 2**32, 2**62 - 1, 2**63 - 1, -1, -(2**63)])
@pytest.mark.parametrize("dropout", [0.1, 0.5, 0.9])
def test_the_hash_is_the_formula_of_its_docstring(seed, dropout):
    nodes = [0, 1, 7, 65_535, 2**31 - 2]
    receivers, senders = map(torch.tensor, zip(*itertools.product(nodes, nodes), strict=True))
    kept = keep(seed, receivers, senders, 3, dropout)
    bound = round(dropout * 2**32)
    expected = [[drawn(seed % 2**64, i, j, h) >= bound for h in range(3)] for i, j in itertools.product(nodes, nodes)]
    assert kept.tolist() == expected


def test_the_shape_asked_in_does_not_matter():
    whole = keep(3, RECEIVERS, SENDERS, 4, 0.3)
    assert whole.shape == (100, 150, 4)
    flat = keep(3, RECEIVERS.expand(100, 150).flatten(), SENDERS.repeat(100), 4, 0.3)
    assert torch.equal(whole.flatten(0, 1), flat)
    assert torch.equal(keep(3, torch.tensor(5), torch.tensor(9), 4, 0.3), whole[5, 9])
    assert torch.equal(keep(3, RECEIVERS, SENDERS, 2, 0.3), whole[..., :2])
    assert torch.equal(keep(torch.tensor(3), RECEIVERS.int(), SENDERS.int(), 4, 0.3), whole)
    assert keep(3, RECEIVERS[:0], SENDERS, 4, 0.3).shape == (0, 150, 4)


@pytest.mark.parametrize("dropout", [0.01, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("seed", [0, 1, 2**40 + 5])
def test_as_many_fall_out_as_asked_for(dropout, seed):
    dropped = ~keep(seed, RECEIVERS, SENDERS, 8, dropout)
    for over in [(0, 1, 2), (1, 2), (0, 2), (0, 1)]:  # in all, by receiver, by sender, by head
        shares = dropped.double().mean(over)
        draws = dropped.numel() / shares.numel()
        sigma = (dropout * (1 - dropout) / draws) ** 0.5
        assert (shares - dropout).abs().max() < 5.5 * sigma


def correlation(a, b):
    a, b = a.double() - a.double().mean(), b.double() - b.double().mean()
    return float((a * b).mean() / (a.square().mean() * b.square().mean()).sqrt())


def test_heads_seeds_and_neighbours_are_independent():
    kept = keep(7, RECEIVERS, SENDERS, 3, 0.5)
    bound = 5 / kept[..., 0].numel() ** 0.5
    for other_seed in (8, 7 + 2**32, 7 + 2**33):
        assert abs(correlation(kept, keep(other_seed, RECEIVERS, SENDERS, 3, 0.5))) < bound
    for h, g in itertools.combinations(range(3), 2):
        assert abs(correlation(kept[..., h], kept[..., g])) < bound
    for step in (1, 2, 64):
        assert abs(correlation(kept[:-step], kept[step:])) < bound
        assert abs(correlation(kept[:, :-step], kept[:, step:])) < bound
    swapped = keep(7, SENDERS[:100], RECEIVERS, 3, 0.5)  # i hears j, and j hears i
    assert abs(correlation(kept[:, :100], swapped)) < bound


def test_two_receivers_and_two_senders_do_not_tell_each_other_the_fourth():
    # Rows and columns meet in an exclusive or, so the four of a square sum to zero before the last mixing.
    kept = keep(7, RECEIVERS, SENDERS, 4, 0.5)
    square = kept[:-1, :-1] ^ kept[1:, :-1] ^ kept[:-1, 1:] ^ kept[1:, 1:]
    assert abs(float(square.double().mean()) - 0.5) < 5 * 0.5 / square.numel() ** 0.5


def test_the_threshold_is_the_probability_in_32_bits():
    assert [threshold(p) for p in (0.0, 2**-32, 0.25, 0.5, 1 - 2**-40)] == [0, 1, 2**30, 2**31, 2**32 - 1]
    assert keep(0, RECEIVERS, SENDERS, 1, 0.0).all()
