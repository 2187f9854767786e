"""Mask functions of transformers are read as intervals, or not at all."""

import pytest
import torch
from transformers import masking_utils as hf

from edgewise.pretrained.mask_band import Band, read

LEFT_PADDING = torch.tensor([0, 2])
POSITIONS = torch.tensor([[0, 1, 2, 0, 1, 2, 3, 0], [0, 1, 2, 3, 4, 0, 1, 2]])
SEQUENCES = hf.find_packed_sequence_indices(POSITIONS)
FUNCTIONS = {
    "causal": hf.causal_mask_function,
    "bidirectional": hf.bidirectional_mask_function,
    "sliding": hf.sliding_window_causal_mask_function(3),
    "sliding both ways": hf.sliding_window_bidirectional_mask_function(2),
    "chunked": hf.chunked_causal_mask_function(3, LEFT_PADDING),
    "packed": hf.packed_sequence_compatibility_function(hf.causal_mask_function, POSITIONS, SEQUENCES),
    "packed and sliding": hf.packed_sequence_compatibility_function(
        hf.sliding_window_causal_mask_function(2), POSITIONS, SEQUENCES
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_band_is_what_the_function_says(name):
    function, count = FUNCTIONS[name], 8
    seen = hf.sdpa_mask(2, count, count, mask_function=function, allow_is_causal_skip=False).expand(2, 1, count, count)
    band = read(function)
    position = torch.arange(count)
    for example in range(2):
        low, high = band.interval(position, example, count)
        heard = (position >= low[:, None]) & (position < high[:, None])
        assert torch.equal(heard, seen[example, 0])


def of_ones_own(batch, head, row, column):
    return column < 3


@pytest.mark.parametrize(
    "function",
    [
        of_ones_own,
        hf.and_masks(hf.causal_mask_function, of_ones_own),
        hf.or_masks(hf.causal_mask_function, hf.sliding_window_overlay(2)),
        hf.blockwise_overlay(torch.zeros(2, 8)),
        hf.and_masks(hf.chunked_overlay(3, LEFT_PADDING), hf.chunked_overlay(2, LEFT_PADDING)),
        hf.packed_sequence_compatibility_function(
            hf.chunked_causal_mask_function(3, LEFT_PADDING), POSITIONS, SEQUENCES
        ),
        hf.remap_positions_for_packed_sequence(hf.causal_mask_function, POSITIONS),
    ],
)
def test_any_other_function_is_none(function):
    assert read(function) is None


def test_bands_meet_in_what_both_let_be_heard():
    assert (Band(before=3) & Band(before=2, after=0)).before == 2
    assert (Band(sequences=SEQUENCES) & Band(sequences=SEQUENCES)) is None
    assert not Band(sequences=SEQUENCES).alike and not Band(chunk=(3, LEFT_PADDING)).alike
    assert Band(chunk=(3, LEFT_PADDING[:1])).alike
