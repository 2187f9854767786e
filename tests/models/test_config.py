"""A network's config goes through JSON and back, and what is wrong in the JSON is named."""

import inspect
import json
from dataclasses import fields, replace

import pytest
import torch
from tests.models.pages import PAGES

from edgewise.layers import BlockConfig, FeedForwardConfig, GraphNetworkConfig, Hearing, RecurrentConfig
from edgewise.models import MODELS, EmbedConfig, Network, NetworkConfig
from edgewise.part import Part

# Another value of every option that a page takes.
VARIED = {
    "in_dim": 7,
    "out_dim": 4,
    "hidden": 24,
    "num_layers": 3,
    "num_heads": 2,
    "out_heads": 2,
    "num_kernels": 5,
    "num_key_value_heads": 2,
    "head_dim": 6,
    "dropout": 0.25,
    "input_dropout": 0.25,
    "edge_dim": 2,
    "whole_dim": 2,
    "aggregator": Part("max"),
    "readout": "max",
    "reduce": "max",
    "epsilon": 0.5,
    "learned": False,
    "coordinates": 2,
    "norm": Part("layer", {"eps": 1e-3}),
    "positions": ("degree", Part("random_walk", {"steps": 3})),
    "tokens": 17,
    "characters": 23,
    "character_dim": 16,
    "source_tokens": 17,
    "target_tokens": 19,
    "dim": 192,
    "max_length": 9,
    "kinds": 3,
    "norm_eps": 1e-3,
    "rotary_base": 77.0,
    "asks": "graph",
    "activation": "gelu",
    "gated": True,
    "rotary": True,
    "placement": {"pre": "post", "post": "pre"},
    "hears": "max",
    "width": 5,
    "pattern": "window(2, 0) | hubs(0)",
    "score": Part("dot", {"scale": 1.0}),
    "memories": 3,
    "join": Part("gru", {"activation": "relu"}),
    "layer_dropout": 0.25,
    "combination": "linear",
    "tied": {True: False, False: True},
}
HEADS_OF = {"encoder": Part("nodes", {"out_dim": 3, "hidden": 4}), "bert": Part("nodes", {"out_dim": 3})}


def varied(page: str, option: str, default: object) -> object:
    if option == "head":
        return HEADS_OF.get(page, {"graph": "nodes"}.get(str(default), "links"))
    value = VARIED[option]
    return value[default] if isinstance(value, dict) else value


@pytest.mark.parametrize("name", PAGES)
def test_a_page_goes_through_json_and_back(name):
    config = PAGES[name]
    assert NetworkConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("page", "option"),
    [(page, option) for page, make in MODELS.items() for option in inspect.signature(make).parameters],
)
def test_every_option_of_a_page_is_heard_and_goes_through_json(page, option):
    make, parameters = MODELS[page], inspect.signature(MODELS[page]).parameters
    needed = {"in_dim": 5, "out_dim": 3, "tokens": 11, "source_tokens": 11, "target_tokens": 13}
    given = {name: value for name, value in needed.items() if name in parameters}
    if page == "decoder":
        del given["out_dim"]
    if page == "decoder" and option in ("out_dim", "asks"):
        given |= {"out_dim": 11, **({"asks": "nodes"} if option == "out_dim" else {})}  # logits are of tokens
    if option == "character_dim":
        given["characters"] = 23
    if option == "width":
        given["hears"] = "light_convolution"
    plain = make(**given)
    other = make(**given | {option: varied(page, option, parameters[option].default)})
    assert other != plain
    assert NetworkConfig.from_json(other.to_json()) == other
    with torch.device("meta"):
        Network(other)


def test_every_word_of_every_config_goes_through_json():
    hearing = Hearing(
        graph="a->b",
        score=Part("dot", {"scale": 0.5}),
        aggregator="several",
        num_heads=4,
        num_key_value_heads=2,
        head_dim=3,
        heads="sum",
        share="key_value",
        project_value=False,
        value_activation="relu",
        value_gate="sigmoid",
        project_output=False,
        projection_bias=False,
        output_bias=False,
        gate="tanh",
        root="linear",
        edge_dim=2,
        edges_in="score",
        self_loops="mean",
        rotary=Part("rotary", {"base": 2.0}),
        edge_bias="alibi",
        dropout=0.5,
        memories=3,
    )
    feed_forward = FeedForwardConfig(hidden=7, activation="gelu", gated=True, bias=False, dropout=0.5, norm="layer")
    block = BlockConfig(
        hears=(hearing, hearing),
        nodes="b",
        together="parallel",
        out_dim=5,
        norm="rms",
        placement="post",
        residual=False,
        activation="elu",
        feed_forward=feed_forward,
        feed_forward_dim=9,
        closing_norm=Part("layer"),
        input_dropout=0.1,
        dropout=0.2,
    )
    joined = BlockConfig(layer_dropout=0.1, join=Part("gru", {"bias": 1.0}))
    step = GraphNetworkConfig(
        hidden=1,
        edge_dim=2,
        edge_out_dim=3,
        whole_dim=4,
        whole_out_dim=5,
        out_dim=6,
        graph="b->b",
        nodes="b",
        reduce="max",
        activation="elu",
    )
    reading = RecurrentConfig(
        kind="lstm",
        bidirectional=True,
        graph="b->b",
        nodes="b",
        out_dim=6,
        norm="rms",
        placement="post",
        residual=False,
        dropout=0.5,
    )
    positions = ("degree", Part("laplacian", {"count": 2}))
    features = EmbedConfig(dim=4, features=3, positions=positions, along="a->a", input_dropout=0.1)
    tokens = EmbedConfig(
        dim=4, tokens=3, kinds=2, project=False, scale=True, deviation=0.5, norm=Part("layer"), dropout=0.5
    )
    config = NetworkConfig(
        inputs={"a": features, "b": tokens},
        blocks=(block, joined, step, reading),
        patterns={"a->b": "causal & ~window(2)"},
        norm=Part("layer", {"bias": False}),
        head=Part("mine:Head", {"widths": [1, [2, 3]], "table": {"deep": None}}),
        answers="b",
        combination=Part("linear", {"norm": Part("rms")}),
    )
    for value in (hearing, feed_forward, step, reading, config):
        same = [f.name for f in fields(value) if getattr(value, f.name) == f.default]
        assert not same, f"{type(value).__name__} is not varied in {same}"
    for kind, pair in ((EmbedConfig, (features, tokens)), (BlockConfig, (block, joined))):
        for f in fields(kind):
            assert any(getattr(value, f.name) != f.default for value in pair), f"{kind.__name__}.{f.name}"
    assert NetworkConfig.from_json(config.to_json()) == config


def changed(change) -> str:
    table = json.loads(MODELS["gat"](5, 3).to_json())
    change(table)
    return json.dumps(table)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{not json", "NetworkConfig: Invalid JSON: key must be a string at line 1 column 2"),
        ("", "NetworkConfig: Invalid JSON: EOF"),
        ("[]", "NetworkConfig: Input should be an object"),
        (changed(lambda t: t.update(blcks=1)), "NetworkConfig: blcks: unknown key$"),
        (changed(lambda t: t.pop("blocks")), "NetworkConfig: blocks: Field required$"),
        (
            changed(lambda t: t["blocks"][0].update(activatoin="x")),
            r"NetworkConfig: blocks\.0\.activatoin: unknown key$",
        ),
        (
            changed(lambda t: t["blocks"][1]["hears"][0].update(num_heads="8")),
            r"NetworkConfig: blocks\.1\.hears\.0\.num_heads: Input should be a valid integer$",
        ),
        (
            changed(lambda t: t["blocks"][0]["hears"][0].update(heads="cat")),
            r"blocks\.0\.hears\.0\.heads: Input should be 'concat', 'mean' or 'sum'$",
        ),
        (changed(lambda t: t["inputs"]["nodes"].pop("dim")), r"NetworkConfig: inputs\.nodes\.dim: Field required$"),
        (
            changed(lambda t: t["blocks"][0]["hears"][0].update(score={"nme": "dot"})),
            r"score.*part: expected a table with a 'name', got \{'nme': 'dot'\}",
        ),
    ],
)
def test_what_is_wrong_is_named(text, message):
    with pytest.raises(ValueError, match=message):
        NetworkConfig.from_json(text)


def test_a_block_of_the_other_kind_is_told_as_such():
    table = json.loads(MODELS["graph_network"](5, 3).to_json())
    table["blocks"][0]["hiden"] = table["blocks"][0].pop("hidden")
    with pytest.raises(ValueError, match=r"blocks\.0\.hidden: Field required; blocks\.0\.hiden: unknown key$"):
        NetworkConfig.from_json(json.dumps(table))


@pytest.mark.parametrize("page", ["gcn", "encoder", "graph_network"])
def test_a_page_has_at_least_one_layer(page):
    widths = (7,) if page == "encoder" else (7, 3)
    with pytest.raises(ValueError, match="num_layers must be at least 1, got 0"):
        MODELS[page](*widths, num_layers=0)


def test_a_config_may_be_changed_by_replacing():
    config = MODELS["gcn"](5, 3)
    assert Network(replace(config, head=Part("graph", {"out_dim": 2}))).head is not None


@pytest.mark.parametrize("page", ["encoder", "decoder"])
def test_a_page_reads_its_parts_as_tables_of_toml(page):
    tables = {"score": {"name": "dot", "scale": 1.0}, "join": {"name": "gru"}, "combination": {"name": "linear"}}
    parts = {name: Part.of(table) for name, table in tables.items()}
    assert MODELS[page](7, **tables) == MODELS[page](7, **parts)


def test_a_gate_of_no_feed_forward_is_refused():
    with pytest.raises(ValueError, match="hidden=0 leaves out the feed-forward, so gated=True is of nothing"):
        MODELS["decoder"](7, hidden=0, gated=True)
