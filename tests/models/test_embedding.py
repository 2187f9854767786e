"""How states begin: tokens or features, kinds, positions, norm; and what cannot begin."""

import pytest
import torch
from tests.kernels.graphs import causal, complete

from edgewise.models import EmbedConfig, Embedding
from edgewise.part import Part


def built(**words) -> Embedding:
    torch.manual_seed(0)
    return Embedding(EmbedConfig(dim=4, **words))


TOKENS = torch.tensor([[3, 0, 2], [1, 1, 4]])


def test_tokens_are_looked_up():
    embedding = built(tokens=5)
    torch.testing.assert_close(embedding(TOKENS, None), embedding.tokens.weight[TOKENS])
    torch.testing.assert_close(built(tokens=5, scale=True)(TOKENS, None), 2 * embedding.tokens.weight[TOKENS])
    torch.testing.assert_close(embedding(TOKENS.int(), None), embedding(TOKENS, None))


def test_features_are_projected_or_pass():
    x = torch.randn(2, 3, 4)
    embedding = built(features=4)
    torch.testing.assert_close(embedding(x, None), embedding.features(x))
    assert built(features=4, project=False)(x, None) is not None
    assert torch.equal(built(features=4, project=False)(x, None), x)


def test_kinds_are_added_and_are_the_first_unless_given():
    embedding = built(tokens=5, kinds=3)
    kinds = torch.tensor([[0, 2, 1], [1, 1, 0]])
    plain = embedding.tokens.weight[TOKENS]
    torch.testing.assert_close(embedding(TOKENS, None, kinds), plain + embedding.kinds.weight[kinds])
    torch.testing.assert_close(embedding(TOKENS, None), plain + embedding.kinds.weight[0])


def test_positions_are_added_then_comes_the_norm():
    positions = ("sinusoidal", Part("learned", {"max_length": 7}))
    embedding = built(tokens=5, positions=positions, norm="layer")
    graph = causal(3, 5)
    places = sum(position(graph) for position in embedding.positions)
    torch.testing.assert_close(embedding(TOKENS, graph), embedding.norm(embedding.tokens.weight[TOKENS] + places))


def test_positions_take_the_dtype_of_the_states():
    embedding = built(tokens=5, positions=("sinusoidal",)).bfloat16()
    assert embedding(TOKENS, complete(3)).dtype == torch.bfloat16


def test_states_are_dropped_in_training_only():
    embedding = built(features=4, project=False, dropout=0.5)
    x = torch.ones(50, 4)
    assert set(embedding(x, None).unique().tolist()) == {0.0, 2.0}
    assert torch.equal(embedding.eval()(x, None), x)


def test_raw_features_are_dropped_before_they_are_projected():
    embedding = built(features=1, input_dropout=0.5)
    kept, dropped = embedding.features(torch.tensor([[2.0], [0.0]]))
    y = embedding(torch.ones(50, 1), None)
    assert {tuple(row) for row in y.tolist()} == {tuple(kept.tolist()), tuple(dropped.tolist())}
    assert torch.equal(embedding.eval()(torch.ones(1, 1), None), embedding.features(torch.ones(1, 1)))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({}, "give tokens .a vocabulary. or features .a width., got tokens=None and features=None"),
        ({"tokens": 3, "features": 4}, "give tokens .a vocabulary. or features .a width., got tokens=3 and features=4"),
        (
            {"features": 3, "project": False},
            "project=False passes features as they are, so features 3 must equal dim 4",
        ),
        ({"tokens": 3, "project": False}, "project=False passes features as they are"),
        (
            {"features": 4, "scale": True},
            "EmbedConfig: scale is of token vectors, and there are no tokens; leave it out",
        ),
        (
            {"tokens": 3, "input_dropout": 0.5},
            "EmbedConfig: input_dropout=0.5 is of raw features, and there are tokens; set dropout",
        ),
        ({"tokens": 3, "along": "edges"}, "EmbedConfig: along='edges' is read by positions, and there are none"),
        ({"tokens": 3, "positions": ("lerned",)}, "unknown node position 'lerned'.*Did you mean 'learned'"),
        ({"tokens": 3, "positions": ("learned",)}, "node position 'learned': needs the option 'max_length'"),
        ({"tokens": 3, "norm": "layr"}, "unknown norm 'layr'.*Did you mean 'layer'"),
    ],
)
def test_settings_that_cannot_be_are_refused(words, message):
    with pytest.raises(ValueError, match=message):
        built(**words)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("words", "given", "error", "message"),
    [
        ({"tokens": 5}, (torch.tensor([0, 5]), None), IndexError, "Network: tokens must be from 0 to 4, got 0 to 5"),
        ({"tokens": 5}, (torch.tensor([-1, 2]), None), IndexError, "Network: tokens must be from 0 to 4, got -1 to 2"),
        (
            {"tokens": 5},
            (torch.ones(2), None),
            TypeError,
            r"Network: tokens must be int32 or int64 numbers \[\.\.\., nodes\], got torch.float32 \[2\]",
        ),
        ({"tokens": 5}, (torch.ones(2) > 0, None), TypeError, "tokens must be int32 or int64 numbers.*got torch.bool"),
        ({"tokens": 5}, (torch.tensor(3), None), TypeError, r"tokens must be int32 or int64.*got torch.int64 \[\]"),
        (
            {"features": 4},
            (torch.ones(2, 4).long(), None),
            TypeError,
            r"features must be floating point numbers, got torch.int64; x.float\(\) makes them",
        ),
        (
            {"features": 4},
            (torch.ones(2, 3), None),
            ValueError,
            r"expected features \[\.\.\., nodes, 4\], got \[2, 3\]",
        ),
        ({"features": 4}, (torch.ones(4), None), ValueError, r"expected features \[\.\.\., nodes, 4\], got \[4\]"),
        (
            {"tokens": 5},
            (TOKENS, None, TOKENS),
            ValueError,
            "kinds were given, but the embedding has none; set kinds= in EmbedConfig",
        ),
        ({"tokens": 5, "kinds": 2}, (TOKENS, None, TOKENS), IndexError, "kinds must be from 0 to 1, got 0 to 4"),
        (
            {"tokens": 5, "kinds": 2},
            (TOKENS, None, torch.tensor([0])),
            ValueError,
            r"expected a kind for each node, \[2, 3\], got \[1\]",
        ),
        (
            {"tokens": 5, "positions": ("degree",)},
            (TOKENS, None),
            ValueError,
            "positions need a graph whose receivers are these 3 nodes, got none",
        ),
        (
            {"tokens": 5, "positions": ("degree",)},
            (TOKENS[:, :1], complete(3)),
            ValueError,
            r"positions need a graph whose receivers are these 1 nodes, got Graph\(3 receivers",
        ),
    ],
)
def test_what_cannot_begin_is_refused(words, given, error, message):
    with pytest.raises(error, match=message):
        built(**words)(*given)
