import pytest
import torch

from edgewise.data.masks import draw_mask

SIZES = torch.tensor([0, 1, 2, 7, 20, 0, 33])


@pytest.mark.parametrize("share", [0.01, 0.15, 0.5, 1.0])
def test_of_every_group_the_share_is_hidden_and_one_at_least(share):
    for seed in range(20):
        mask = draw_mask(SIZES, share, torch.Generator().manual_seed(seed))
        hidden = [int(part.sum()) for part in mask.split(SIZES.tolist())]
        assert hidden == [min(size, max(1, round(share * size))) for size in SIZES.tolist()]


def test_every_member_is_as_likely():
    generator = torch.Generator().manual_seed(0)
    counts = sum(draw_mask(torch.tensor([3, 5]), 0.4, generator).long() for _ in range(6000))
    torch.testing.assert_close(counts / 6000, torch.tensor([1 / 3] * 3 + [2 / 5] * 5), atol=0.02, rtol=0)


def test_without_a_generator_the_global_stream_is_drawn_from():
    drawn = []
    for seed in (1, 2, 1):
        torch.manual_seed(seed)
        drawn.append(draw_mask(SIZES, 0.3).tolist())
    assert drawn[0] == drawn[2] != drawn[1]


def test_of_nothing_nothing_is_hidden():
    assert draw_mask(torch.tensor([], dtype=torch.int64), 0.5).shape == (0,)
    assert draw_mask(torch.tensor([0, 0]), 0.5).shape == (0,)
