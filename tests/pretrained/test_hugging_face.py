"""Every page of Hugging Face's: its defaults make a network, and each name of ours has one of theirs."""

import pytest
import torch

from edgewise.models import Network
from edgewise.pretrained import HUGGING_FACE

SMALL = {
    **{"vocab_size": 7, "hidden_size": 4, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 6},
    **{"n_embd": 4, "n_layer": 2, "n_head": 2},
}

pages = pytest.mark.parametrize("name", HUGGING_FACE)


@pages
def test_the_defaults_of_a_config_are_theirs(name):
    import transformers

    page = HUGGING_FACE[name]
    assert page.model_type == name
    config = getattr(transformers, page.architecture).config_class()
    with torch.device("meta"):
        shapes = [
            {key: x.shape for key, x in Network(made).state_dict().items()}
            for made in (page.config_from_hf({}), page.config_from_hf(config))
        ]
    assert shapes[0] == shapes[1]


@pages
def test_every_name_of_ours_has_one_of_theirs(name):
    page = HUGGING_FACE[name]
    config = page.config_from_hf(SMALL, ignore=SMALL)
    state = Network(config).state_dict()
    theirs = page.to_hf(state, config)
    assert all(key.startswith(page.prefix) for key in theirs if key != "lm_head.weight")
    back = page.from_hf(theirs, config)
    assert set(back) == set(state)
    assert all(torch.equal(x, state[key]) for key, x in back.items())


@pages
def test_a_prefix_is_asked_for_when_it_is_wrong(name):
    page = HUGGING_FACE[name]
    config = page.config_from_hf(SMALL, ignore=SMALL)
    theirs = page.to_hf(Network(config).state_dict(), config, prefix="other.")
    with pytest.raises(ValueError, match=f"{page.architecture}: .* and .* more. prefix= says what names of the base"):
        page.from_hf(theirs, config)
