"""A model's own mask as a graph is the dense mask of transformers, by interval or by looking."""

import pytest
import torch
from tests.pretrained.test_mask_band import FUNCTIONS, of_ones_own
from transformers import masking_utils as hf

from edgewise.pretrained import own_mask as module
from edgewise.pretrained.attention_interface import own_mask

PADDING = {
    "none": None,
    "all real": torch.ones(2, 8, dtype=torch.bool),
    "right": torch.tensor([[1] * 8, [1] * 5 + [0] * 3]).bool(),
    "left": torch.tensor([[1] * 8, [0] * 3 + [1] * 5]).bool(),
    "holes": torch.tensor([[1] * 8, [1, 0, 1, 1, 0, 1, 1, 0]]).bool(),
    "short": torch.ones(2, 5, dtype=torch.bool),
    "an empty example": torch.tensor([[1] * 8, [0] * 8]).bool(),
}
WHOLE = {"q_length": 8, "kv_length": 8}
STEP = {"q_length": 2, "kv_length": 8, "q_offset": 6}
SLID = {"q_length": 2, "kv_length": 5, "q_offset": 6, "kv_offset": 3}


def blocks(mask, examples):
    dense = mask.graph(examples).dense()
    return torch.stack(
        [dense[n * mask.rows : (n + 1) * mask.rows, n * mask.columns : (n + 1) * mask.columns] for n in range(examples)]
    )


@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize("name", [*FUNCTIONS, "own"])
@pytest.mark.parametrize("sizes", [WHOLE, STEP, SLID], ids=["whole", "a step", "a sliding cache"])
def test_the_graph_is_the_dense_mask(name, padding, sizes, monkeypatch):
    function = FUNCTIONS.get(name, of_ones_own)
    if "packed" in name and (sizes is not WHOLE or PADDING[padding] is not None):
        pytest.skip("transformers packs only what is whole and not padded")
    monkeypatch.setattr(module, "BLOCK", 40)  # two or three blocks of rows
    told = {"mask_function": function, "attention_mask": PADDING[padding], **sizes}
    mask = own_mask(2, **told)
    seen = hf.sdpa_mask(2, allow_is_causal_skip=False, **told)[:, 0]
    assert torch.equal(blocks(mask, 2), seen)
    assert mask.graph(2).num_edges == int(seen.sum())
    assert not mask.everything or bool(seen.all())
    if mask.alike:
        assert torch.equal(blocks(mask, 1), seen[:1]) and torch.equal(seen[0], seen[1])


def test_a_mask_for_queries_further_on_asks_the_same():
    first = own_mask(2, 3, 8)
    later = first.starting_at(2)
    assert later.row_start == 2 and torch.equal(blocks(later, 2), blocks(first, 2))
    assert first.starting_at(0) is first and first.starting_at(2) is later
    free = own_mask(2, 3, 8, mask_function=hf.bidirectional_mask_function)
    assert free.starting_at(2).function is free.function


def test_a_step_of_a_causal_model_hears_everything():
    assert own_mask(2, 1, 8, q_offset=7).everything and not own_mask(2, 2, 8, q_offset=6).everything
    assert not own_mask(2, 1, 8, q_offset=7, attention_mask=PADDING["left"]).everything


def test_stretches_leave_padding_out_and_keep_sequences_apart():
    mask = own_mask(2, 8, 8, attention_mask=PADDING["left"])
    assert mask.stretches(2) == [(0, 0, 8), (1, 3, 8)]
    packed = own_mask(2, 8, 8, mask_function=FUNCTIONS["packed"])
    assert packed.stretches(1) == [(0, 0, 3), (0, 3, 7), (0, 7, 8)]


def test_only_masks_that_look_alike_have_one_key():
    causal = own_mask(2, 8, 8)
    assert causal.key == own_mask(2, 8, 8, attention_mask=PADDING["all real"]).key
    assert causal.key != own_mask(2, 8, 8, attention_mask=PADDING["right"]).key != own_mask(2, 8, 8, q_offset=1).key
    assert own_mask(2, 8, 8, attention_mask=PADDING["holes"]).key is None
    assert own_mask(2, 8, 8, mask_function=FUNCTIONS["packed"]).key is None


def test_whoever_takes_it_for_the_dense_mask_gets_that():
    mask = own_mask(2, 8, 8, attention_mask=PADDING["right"])
    dense = hf.eager_mask(2, 8, 8, attention_mask=PADDING["right"])
    assert mask.shape == dense.shape and mask.ndim == 4 and len(mask) == 2 and "dense" not in mask.laid
    assert mask.to("cpu") is mask and mask.clone() is mask
    for ours, theirs in (
        (mask[:, :, -1:], dense[:, :, -1:]), (mask + 1, dense + 1), (1 + mask, 1 + dense), (mask * 2, dense * 2),
        (mask == 0, dense == 0), (mask < 0, dense < 0), (mask > -1, dense > -1), (mask >= 0, dense >= 0),
        (mask <= 0, dense <= 0), (torch.cat([mask, mask]), torch.cat([dense, dense])), (mask.sum(-1), dense.sum(-1)),
    ):  # fmt: skip
        assert torch.equal(ours, theirs)
    assert mask == mask and mask != "causal"
    with pytest.raises(AttributeError, match="no attribute '_nothing' of its own, and none of a mask"):
        mask._nothing  # noqa: B018
