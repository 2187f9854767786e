import random

import numpy as np
import torch

from edgewise.training.chance import deterministic, set_chance


def draw():
    return random.random(), np.random.rand(), torch.rand(()).item()


def drawn(seed, epoch):
    set_chance(seed, epoch)
    return draw()


def test_an_epoch_draws_the_same_whatever_was_drawn_before():
    first = drawn(3, 7)
    draw()
    assert drawn(3, 7) == first


def test_every_seed_and_epoch_has_streams_of_its_own():
    seen = [number for seed in range(4) for epoch in range(4) for number in drawn(seed, epoch)]
    assert len(set(seen)) == len(seen)


def test_a_huge_seed_passes():
    drawn(2**63 - 1, 10**6)


def test_deterministic_leaves_things_as_they_were():
    before = torch.are_deterministic_algorithms_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory
    with deterministic():
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.utils.deterministic.fill_uninitialized_memory
    assert torch.are_deterministic_algorithms_enabled() == before
    assert torch.utils.deterministic.fill_uninitialized_memory == filled
