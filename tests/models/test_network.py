"""The network hears graphs by name, builds the missing ones, and refuses what nobody would hear."""

from dataclasses import replace

import pytest
import torch
from tests.kernels.graphs import complete, irregular
from tests.models.pages import PAGES, network_of

from edgewise.graph import Graph
from edgewise.layers import BlockConfig, GraphNetworkConfig, Hearing
from edgewise.models import MODELS, EmbedConfig, Network, NetworkConfig
from edgewise.part import Part

GRAPH = irregular(7, 7, seed=5)
BATCH = Graph.batch([irregular(4, 4, seed=1), irregular(3, 3, seed=2)])
TOKENS = torch.tensor([3, 0, 10, 4, 4, 1, 7])
TEXT = {"dim": 8, "num_heads": 2, "num_layers": 1, "hidden": 12}
TWO = NetworkConfig(
    inputs={"nodes": EmbedConfig(dim=4, features=4, project=False)},
    blocks=(BlockConfig(hears=(Hearing(graph="roads"), Hearing(graph="rivers", edge_dim=2))),),
)


def features(n: int = 7, dim: int = 5) -> torch.Tensor:
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(0))


def translation(*lengths: tuple[int, int]) -> tuple[dict, dict]:
    source, target = ([pair[side] for pair in lengths] for side in (0, 1))
    tokens = {
        "source": torch.arange(sum(source)) % 11,
        "target": torch.arange(sum(target)) % 13,
    }
    return {"source": source, "target": target}, tokens


def test_one_graph_alone_is_the_one_that_is_heard():
    network = network_of(PAGES["gcn"])
    assert torch.equal(network(GRAPH, features()), network({"edges": GRAPH}, features()))
    text = network_of(PAGES["bert"])
    assert torch.equal(text(complete(7), TOKENS), text(text.graphs([7]), TOKENS))


def test_a_graph_that_is_missing_is_built_by_its_pattern():
    network = network_of(PAGES["gps"])
    both = {"edges": BATCH, "complete": Graph.batch([complete(4), complete(3)])}
    assert torch.equal(network(BATCH, features()), network(both, features()))
    assert torch.equal(network({"edges": BATCH}, features()), network(both, features()))


def test_a_graph_that_was_built_is_kept():
    network = network_of(PAGES["gps"])
    first, again = (network.run(GRAPH, features())[1]["complete"] for _ in range(2))
    assert first is again
    assert first == complete(7)


def test_a_graph_between_two_node_sets_is_built_from_both():
    network = network_of(PAGES["encoder_decoder"])
    lengths, tokens = translation((3, 2), (1, 4))
    graphs = network.graphs(lengths)
    given = {name: graph for name, graph in graphs.items() if name != "source->target"}
    assert network.run(given, tokens)[1] == graphs
    assert torch.equal(network(given, tokens), network(graphs, tokens))


def test_graphs_of_text_follow_from_lengths():
    network = network_of(PAGES["encoder_decoder"])
    graphs = network.graphs(translation((3, 2), (1, 4))[0])
    sizes = {name: (g.num_receivers, g.num_senders, g.num_graphs, g.num_edges) for name, g in graphs.items()}
    assert sizes == {
        "source->source": (4, 4, 2, 10),
        "target->target": (6, 6, 2, 13),
        "source->target": (6, 4, 2, 10),
    }
    assert network_of(PAGES["gpt2"]).graphs([2], past=[3])["words"].dense().int().tolist() == [[1] * 4 + [0], [1] * 5]


def test_a_batch_of_texts_answers_as_its_parts():
    network = network_of(PAGES["encoder_decoder"])
    lengths, tokens = translation((3, 2), (1, 4), (2, 2))
    whole = network(network.graphs(lengths), tokens)
    parts = zip(*(tokens[side].split(lengths[side]) for side in ("source", "target")), strict=True)
    apart = [
        network(network.graphs({"source": [len(s)], "target": [len(t)]}), {"source": s, "target": t}) for s, t in parts
    ]
    torch.testing.assert_close(whole, torch.cat(apart))


def test_leading_batch_dimensions_are_on_the_same_graphs():
    network = network_of(PAGES["bert"])
    tokens = torch.stack([TOKENS, TOKENS.flip(0)])
    kinds = torch.stack([TOKENS, TOKENS]) % 2
    graphs = network.graphs([7])
    apart = [network(graphs, t, kinds=k) for t, k in zip(tokens, kinds, strict=True)]
    torch.testing.assert_close(network(graphs, tokens, kinds=kinds), torch.stack(apart))


def test_edge_features_are_heard_along_their_graph():
    network = network_of(PAGES["gps, edges"])
    edges = torch.rand(GRAPH.num_edges, 3)
    alone = network(GRAPH, features(), edges=edges)
    assert torch.equal(alone, network({"edges": GRAPH}, features(), edges={"edges": edges}))
    assert not torch.equal(alone, network(GRAPH, features(), edges=edges + 1))


def test_a_state_of_the_whole_is_heard():
    network = network_of(MODELS["graph_network"](5, 3, hidden=6, whole_dim=2))
    whole = torch.randn(2, 2)
    answer = network(BATCH, features(), whole=whole)
    assert answer.shape == (2, 3)
    moved = network(BATCH, features(), whole=whole + torch.tensor([[0.0], [1.0]]))
    torch.testing.assert_close(moved[0], answer[0])
    assert not torch.allclose(moved[1], answer[1])


def test_what_was_heard_is_kept_for_the_next_step():
    for name in ("gpt2", "llama", "llama, fewer", "decoder"):
        network = network_of(PAGES[name])
        whole = network(network.graphs([7]), TOKENS)
        begun, past = network(network.graphs([4]), TOKENS[:4], keep_past=True)
        then = network(network.graphs([3], past=[4]), TOKENS[4:], past=past)
        torch.testing.assert_close(torch.cat([begun, then]), whole, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("order", [1, -1])
def test_places_are_those_among_the_nodes_whatever_graph_comes_first(order):
    network = network_of(PAGES["encoder_decoder"])
    lengths, tokens = translation((5, 2))
    graphs = network.graphs(lengths)
    turned = dict(list(graphs.items())[::order])
    assert torch.equal(network(turned, tokens), network(graphs, tokens))


@pytest.mark.parametrize("order", [1, -1])
def test_positions_are_read_from_the_graph_that_is_named_or_heard_first(order):
    everyone = {"edges": GRAPH, "complete": complete(7)}
    turned = dict(list(everyone.items())[::order])
    network = network_of(PAGES["gps, edges"])
    seen = []
    network.embed["nodes"].positions[0].register_forward_hook(lambda m, given, out: seen.append(given[0]))
    edges = torch.rand(GRAPH.num_edges, 3)
    network(turned, features(), edges=edges)
    named = replace(network.config, inputs={"nodes": replace(network.config.inputs["nodes"], along="complete")})
    other = network_of(named)
    other.embed["nodes"].positions[0].register_forward_hook(lambda m, given, out: seen.append(given[0]))
    other(turned, features(), edges=edges)
    assert seen == [GRAPH, complete(7)]


def test_a_graph_to_measure_along_is_asked_for():
    hearing = Hearing(graph="everyone", edge_bias=Part("shortest_path", {"along": "roads"}))
    config = NetworkConfig(
        inputs={"nodes": EmbedConfig(dim=4, features=4, positions=("degree",), along="roads")},
        blocks=(BlockConfig(hears=(hearing,)),),
        patterns={"everyone": "complete"},
    )
    network = network_of(config)
    assert network.graph_names == ("everyone", "roads")
    both = {"roads": GRAPH, "everyone": complete(7)}
    assert torch.equal(network(GRAPH, features(7, 4)), network(both, features(7, 4)))


def test_a_network_may_hear_nobody():
    config = NetworkConfig(
        {"nodes": EmbedConfig(dim=4, features=5)}, blocks=(), head=Part("nodes", {"out_dim": 3, "hidden": 6})
    )
    network = network_of(config)
    assert network(GRAPH, features()).shape == (7, 3)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (replace(TWO, answers="node"), "unknown node set that answers 'node'. Known: nodes. Did you mean 'nodes'"),
        (
            replace(TWO, patterns={"road": "complete"}),
            "unknown graph of a pattern 'road'. Known: rivers, roads. Did you",
        ),
        (replace(TWO, patterns={"roads": "complte"}), "complte"),
        (
            replace(TWO, blocks=(BlockConfig(nodes="a", hears=()),)),
            "block 0 renews the node set 'a', but inputs has only nodes",
        ),
        (replace(TWO, blocks=(GraphNetworkConfig(hidden=3, nodes="a"),)), "block 0 renews the node set 'a'"),
        (replace(TWO, blocks=(BlockConfig(hears=(Hearing(graph="a->nodes"),)),)), "unknown node set 'a'. Known: nodes"),
        (replace(TWO, norm="layr"), "unknown norm 'layr'"),
        (replace(TWO, head=Part("nods")), "unknown head 'nods'"),
    ],
)
def test_a_config_that_cannot_be_is_refused(config, message):
    with pytest.raises(ValueError, match=message):
        Network(config)


@pytest.mark.parametrize(
    ("page", "graphs", "given", "message"),
    [
        (TWO, GRAPH, {}, "Network: hears roads, rivers; give the graphs by name, got one graph alone"),
        (TWO, {"roads": GRAPH}, {}, "Network: hears the graph 'rivers', got roads"),
        (TWO, {}, {}, "Network: hears the graph 'roads', got none"),
        (
            TWO,
            {"roads": GRAPH, "river": GRAPH},
            {},
            "unknown graph 'river'. Known: rivers, roads. Did you mean 'rivers'",
        ),
        (
            TWO,
            {"roads": GRAPH, "rivers": GRAPH},
            {"edges": {"roads": torch.ones(1, 2)}},
            "unknown graph whose edge features are read 'roads'. Known: rivers",
        ),
        (
            PAGES["gcn"],
            GRAPH,
            {"edges": torch.ones(GRAPH.num_edges, 1)},
            "edge features are read of no graph, got one tensor; edge_dim in Hearing makes a layer read them",
        ),
        (
            replace(TWO, blocks=(BlockConfig(hears=tuple(Hearing(graph=n, edge_dim=2) for n in ("roads", "rivers"))),)),
            {"roads": GRAPH, "rivers": GRAPH},
            {"edges": torch.ones(GRAPH.num_edges, 2)},
            "edge features are read of roads, rivers, got one tensor; give them by graph name",
        ),
        (PAGES["gat, edges"], GRAPH, {}, r"expected edge features \[\d+, 3\], got none"),
        (
            PAGES["gcn"],
            GRAPH,
            {"whole": torch.ones(1, 2)},
            "states of whole graphs were given, and no block or head reads",
        ),
        (PAGES["gcn"], GRAPH, {"kinds": torch.ones(7).long()}, "kinds were given, but the embedding has none"),
        (PAGES["gcn"], GRAPH, {"past": []}, "Network: past has 0 entries for 2 blocks"),
        (PAGES["gcn"], complete(5), {}, r"x must be \[\.\.\., 5 receivers, 5 channels\], got \[7, 5\]"),
        (PAGES["gcn"], GRAPH, {"x": {"node": features()}}, "x must have the node sets nodes, got node"),
        (PAGES["gcn"], GRAPH, {"x": {}}, "x must have the node sets nodes, got none"),
        (PAGES["encoder_decoder"], {}, {"x": TOKENS}, "x must be a mapping with source, target, got one tensor"),
        (PAGES["encoder_decoder"], complete(7), {"x": {"source": TOKENS, "target": TOKENS}}, "give the graphs by name"),
        (
            PAGES["encoder_decoder"],
            {"source->source": complete(7)},
            {"x": {"source": TOKENS, "target": TOKENS}},
            "no graph on the nodes of 'target->target' was given to build it for; see Network.graphs",
        ),
    ],
)
def test_what_nobody_would_hear_is_refused(page, graphs, given, message):
    network = network_of(page)
    x = given.get("x", features(7, network.config.inputs.get("nodes", EmbedConfig(4)).features or 4))
    with pytest.raises(ValueError, match=message):
        network(graphs, x, **{name: value for name, value in given.items() if name != "x"})


@pytest.mark.parametrize(
    ("lengths", "past", "message"),
    [
        ({"source": [3]}, None, "lengths must have the node sets source, target, got source"),
        ({}, None, "lengths must have the node sets source, target, got none"),
        ({"source": [3], "target": [2, 1]}, None, "must count the same graphs in every node set"),
        ({"source": [3], "target": [2]}, [1, 1], "must count the same graphs in every node set"),
        ({"source": [3], "target": [2]}, {"target": [1]}, "past must have the node sets source, target, got target"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(lengths, past, message):
    with pytest.raises(ValueError, match=f"Network.graphs: .*{message}"):
        Network(PAGES["encoder_decoder"]).graphs(lengths, past)


@pytest.mark.parametrize("token", [-1, 11])
def test_a_token_out_of_range_is_named(token):
    network = network_of(PAGES["bert"])
    with pytest.raises(IndexError, match="tokens must be from 0 to 10"):
        network(network.graphs([2]), torch.tensor([3, token]))


def test_another_dtype_or_device_is_named():
    network = network_of(PAGES["gcn"])
    with pytest.raises(TypeError, match="x is torch.float64 and the network torch.float32; convert one of them"):
        network(GRAPH, features().double())
    with pytest.raises(ValueError, match="Network: x is on meta and the network on cpu; move one of them"):
        network(GRAPH, features().to("meta"))


def test_autocast_mixes_dtypes():
    network = network_of(PAGES["gat"])
    with torch.autocast("cpu", torch.bfloat16):
        mixed = network(GRAPH, features().bfloat16())
    torch.testing.assert_close(mixed.float(), network(GRAPH, features()), atol=0.1, rtol=0.1)


@pytest.mark.parametrize("name", ["gcn", "gat", "monet", "gps", "gpt2", "llama", "encoder"])
def test_half_precision_answers_in_half_precision(name):
    network = network_of(PAGES[name])
    text = network.config.inputs["nodes"].tokens is not None
    x = TOKENS if text else features()
    graph = network.graphs([7]) if text else GRAPH
    exact = network(graph, x)
    half = network.bfloat16()(graph, x if text else x.bfloat16())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), exact, atol=0.1, rtol=0.1)
