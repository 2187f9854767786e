"""Each page is the network of its paper: written out over a dense matrix, layer by layer."""

import pytest
import torch
from tests.equal import assert_equal_as_promised
from tests.kernels.graphs import causal, complete, irregular, numbers
from tests.layers import formula
from tests.models.pages import PAGES, network_of
from torch import Tensor
from torch.nn.functional import elu, gelu, leaky_relu, relu, silu

from edgewise.graph import Graph
from edgewise.models import MODELS, Network
from edgewise.patterns import Sequences, parse

GRAPH = irregular(7, 7, seed=5)
MUTUAL = GRAPH | GRAPH.transpose()
N = 7
TOKENS = torch.tensor([3, 0, 10, 4, 4, 1, 7])


def built(name: str) -> Network:
    return network_of(PAGES[name]).double()


def weights(layer, *names: str) -> list[Tensor]:
    return [getattr(layer.projections, f"to_{name}").weight.T for name in names]


def stacked(network: Network, step, x: Tensor, activation) -> Tensor:
    """step(layer, h) for every block, and the activation after all but the last."""
    for n, block in enumerate(network.blocks):
        x = step(block.hearings[0], x)
        x = activation(x) if n < len(network.blocks) - 1 else x
    return x


@pytest.mark.parametrize("name", ["basic", "basic, max"])
def test_basic(name):
    A, reduce = GRAPH.dense().double(), {"basic": "sum", "basic, max": "max"}[name]

    def step(layer, h):
        own, (V,) = h @ layer.root.project.weight.T, weights(layer, "value")
        m = (
            A @ h @ V
            if reduce == "sum"
            else formula.max_(None, A[..., None], 0, (h @ V)[None, :, None].expand(N, -1, -1, -1), A > 0)[:, 0]
        )
        return own + m + layer.bias

    x, network = numbers(N, 5), built(name)
    assert_equal_as_promised(network(GRAPH, x), stacked(network, step, x, relu))


def test_gcn():
    A = GRAPH.dense().double().fill_diagonal_(1)
    D = A.sum(1).rsqrt()

    def step(layer, h):
        return (D[:, None] * A * D) @ h @ weights(layer, "value")[0] + layer.bias

    x, network = numbers(N, 5), built("gcn")
    assert_equal_as_promised(network(GRAPH, x), stacked(network, step, x, relu))


def test_sage():
    A = GRAPH.dense().double()
    A = A / A.sum(1, True).clamp(min=1)

    def step(layer, h):
        return h @ layer.root.project.weight.T + layer.output(A @ h)

    x, network = numbers(N, 5), built("sage")
    assert_equal_as_promised(network(GRAPH, x), stacked(network, step, x, relu))


def test_gin():
    A, x, network = GRAPH.dense().double(), numbers(N, 5), built("gin")
    h = network.embed["nodes"].features(x)
    for block in network.blocks:
        m, mlp = (1 + block.hearings[0].root.epsilon) * h + A @ h, block.feed_forward
        h = mlp.narrow(relu(mlp.norm(mlp.widen(m))))
    assert_equal_as_promised(network(GRAPH, x), network.head.project(h.sum(0, True)))


@pytest.mark.parametrize("name", ["gat", "gat, edges", "gatv2", "gatv2, edges"])
def test_gat(name):
    network, x, edges = built(name), numbers(N, 5), numbers(GRAPH.num_edges, 3, seed=1) if "edges" in name else None
    A = GRAPH.dense() | torch.eye(N).bool()
    raw = None
    if edges is not None:
        own = torch.eye(N).bool()
        raw = formula.dense(edges, GRAPH).masked_fill(own[..., None], 0)
        mean = raw.sum(1) / (GRAPH.dense() & ~own).sum(1).clamp(min=1)[:, None]
        raw = torch.where(own[..., None], mean[:, None], raw)

    def step(layer, h):
        H, p = layer.num_heads, layer.projections
        v = p.to_value(h).unflatten(-1, (H, -1))
        e = 0 if raw is None else p.to_edge(raw).unflatten(-1, (H, -1))
        if "v2" in name:
            q = p.to_query(h).unflatten(-1, (H, -1))
            s = formula.gatv2(layer.score, q, v, e, None, A)
        else:
            s = formula.additive(layer.score, v, v, e, None, A)
        m = formula.softmax(None, s, 0, v.expand(N, -1, -1, -1), A)
        return (m.flatten(1) if layer.hearing.heads == "concat" else m.mean(1)) + layer.bias

    given = {} if edges is None else {"edges": edges}
    assert_equal_as_promised(network(GRAPH, x, **given), stacked(network, step, x, elu))


@pytest.mark.parametrize("name", ["monet", "monet, edges"])
def test_monet(name):
    network, x, A = built(name), numbers(N, 5), GRAPH.dense()
    edges = numbers(GRAPH.num_edges, 2, seed=1) if "edges" in name else None
    raw = None if edges is None else formula.dense(edges, GRAPH)

    def step(layer, h):
        v = layer.projections.to_value(h).unflatten(-1, (layer.num_heads, -1))
        w = formula.gaussian(layer.score, None, None, 0, raw, A)
        return (
            formula.mean(None, w, 0, v.expand(N, -1, -1, -1), A).sum(1) + h @ layer.root.project.weight.T + layer.bias
        )

    given = {} if edges is None else {"edges": edges}
    assert_equal_as_promised(network(GRAPH, x, **given), stacked(network, step, x, relu))


def attention(layer, h: Tensor, graph: Graph, senders: Tensor | None = None, **given) -> Tensor:
    return formula.layer(layer, h, graph, senders, **given)


def feed(block, h: Tensor, activation=relu) -> Tensor:
    mlp = block.feed_forward
    return mlp.narrow(activation(mlp.widen(h)))


@pytest.mark.parametrize("name", ["graph_transformer", "graph_transformer, edges"])
def test_graph_transformer(name):
    network, x = built(name), numbers(N, 5)
    given = {"edges": numbers(MUTUAL.num_edges, 3, seed=1)} if "edges" in name else {}
    h = network.embed["nodes"].features(x)
    for position in network.embed["nodes"].positions:
        h = h + position(MUTUAL)
    for block in network.blocks:
        h = block.around[0].norm(h + attention(block.hearings[0], h, MUTUAL, **given))
        h = block.around_feed_forward.norm(h + feed(block, h))
    h = h.mean(0, True) if "edges" in name else h
    assert_equal_as_promised(network(MUTUAL, x, **given), network.head.project(h))


@pytest.mark.parametrize("name", ["gps", "gps, edges"])
def test_gps(name):
    network, x = built(name), numbers(N, 5)
    given = {"edges": numbers(GRAPH.num_edges, 3, seed=1)} if "edges" in name else {}
    embed = network.embed["nodes"]
    h = embed.features(x) + embed.positions[0](GRAPH)
    for block in network.blocks:
        (local, everyone), (first, second) = block.hearings, block.around
        h = first.norm(h + attention(local, h, GRAPH, **given)) + second.norm(h + attention(everyone, h, complete(N)))
        h = block.around_feed_forward.norm(h + feed(block, h))
    h = h if "edges" in name else h.mean(0, True)
    assert_equal_as_promised(network(GRAPH, x, **given), network.head.project(h))


def test_graph_network():
    network, x = built("graph_network"), numbers(N, 5)
    (senders, receivers), e, u = GRAPH.edges(), torch.zeros(GRAPH.num_edges, 0), torch.zeros(1, 0)
    h, e, u = network.embed["nodes"].features(x), e.double(), u.double()

    def phi(mlp, *states):
        return mlp.narrow(relu(mlp.widen(torch.cat(states, -1))))

    for step in network.blocks:
        e = phi(step.renew_edge, e, h[receivers], h[senders], u.expand(len(e), -1))
        heard = torch.zeros(N, e.shape[1]).double().index_add(0, receivers, e)
        h = phi(step.renew_node, heard, h, u.expand(N, -1))
        u = phi(step.renew_whole, e.sum(0, True), h.sum(0, True), u)
    assert_equal_as_promised(network(GRAPH, x), network.head.project(u))


def words(network: Network, tokens: Tensor, graph: Graph, activation=relu) -> Tensor:
    """The states of a stack of Transformer blocks, norms where the config puts them."""
    embed = network.embed["nodes"]
    h = embed.tokens(tokens) * (embed.config.dim**0.5 if embed.config.scale else 1)
    h = h + sum(position(graph) for position in embed.positions) + (0 if embed.kinds is None else embed.kinds.weight[0])
    h = h if embed.norm is None else embed.norm(h)
    for block in network.blocks:
        around, last = block.around[0], block.around_feed_forward
        if block.config.placement == "post":
            h = around.norm(h + attention(block.hearings[0], h, graph))
            h = last.norm(h + feed(block, h, activation))
        else:
            h = h + attention(block.hearings[0], around.norm(h), graph)
            h = h + feed(block, last.norm(h), activation)
    return h if network.norm is None else network.norm(h)


@pytest.mark.parametrize(
    ("name", "graph", "activation"),
    [
        ("encoder", complete(N), relu),
        ("encoder, before", complete(N), relu),
        ("decoder", causal(N), relu),
        ("decoder, after", causal(N), relu),
        ("bert", complete(N), gelu),
        ("gpt2", causal(N), lambda x: gelu(x, approximate="tanh")),
    ],
)
def test_encoders_and_decoders(name, graph, activation):
    network = built(name)
    h = words(network, TOKENS, graph, activation)
    expected = h if network.head is None else network.head.project(h)
    assert_equal_as_promised(network(network.graphs([N]), TOKENS), expected)


@pytest.mark.parametrize("name", ["llama", "llama, fewer"])
def test_llama(name):
    network = built(name)
    h = network.embed["nodes"].tokens(TOKENS)
    for block in network.blocks:
        layer, mlp = block.hearings[0], block.feed_forward
        x, p = block.around[0].norm(h), layer.projections
        q, k, v = (t.unflatten(-1, (-1, 4)) for t in (p.to_query(x), p.to_key(x), p.to_value(x)))
        q, k = layer.rotary(q, k, torch.arange(N), torch.arange(N))
        k, v = (t.repeat_interleave(2 // t.shape[1], 1) for t in (k, v))
        s = torch.einsum("ihd,jhd->ijh", q, k) / 2
        h = h + layer.output(formula.softmax(None, s, 0, v.expand(N, -1, -1, -1), causal(N).dense()).flatten(1))
        x = block.around_feed_forward.norm(h)
        h = h + mlp.narrow(silu(mlp.gate(x)) * mlp.widen(x))
    assert not [key for key in network.state_dict() if key.endswith("bias")]
    assert_equal_as_promised(network(network.graphs([N]), TOKENS), network.head.project(network.norm(h)))


@pytest.mark.parametrize("name", ["encoder_decoder", "encoder_decoder, before"])
def test_encoder_decoder_hears_three_graphs(name):
    network = built(name)
    assert network.graph_names == ("source->source", "target->target", "source->target")
    source, target = torch.tensor([3, 0, 10, 4]), torch.tensor([12, 5, 5])
    graphs = network.graphs({"source": [4], "target": [3]})
    found = network(graphs, {"source": source, "target": target})
    s, t = (
        network.embed[side].tokens(tokens) * 8**0.5 + network.embed[side].positions[0](complete(len(tokens)))
        for side, tokens in (("source", source), ("target", target))
    )
    before = "before" in name
    reading, writing = network.blocks
    for around, step in (
        (reading.around[0], lambda h: attention(reading.hearings[0], h, complete(4))),
        (reading.around_feed_forward, lambda h: feed(reading, h)),
    ):
        s = s + step(around.norm(s)) if before else around.norm(s + step(s))
    s = reading.closing_norm(s) if before else s
    for around, step in (
        (writing.around[0], lambda h: attention(writing.hearings[0], h, causal(3))),
        (writing.around[1], lambda h: attention(writing.hearings[1], h, complete(3, 4), s)),
        (writing.around_feed_forward, lambda h: feed(writing, h)),
    ):
        t = t + step(around.norm(t)) if before else around.norm(t + step(t))
    t = network.norm(t) if before else t
    assert_equal_as_promised(found, network.head.project(t))


@pytest.mark.parametrize(
    ("name", "graph"),
    [
        ("encoder, all-attention", complete(N)),
        ("encoder, bare", complete(N)),
        ("decoder, gated", causal(N)),
        ("decoder, combined", causal(N)),
    ],
)
def test_deep_stacks_and_what_is_left_of_a_block(name, graph):
    network, before = built(name), "decoder" in name
    h = network.embed["nodes"](TOKENS, graph, None)
    said = [h]
    for block in network.blocks:
        steps = [(block.around[0], lambda h, layer=block.hearings[0]: attention(layer, h, graph))]
        if "decoder" in name:
            steps.append((block.around_feed_forward, lambda h, block=block: feed(block, h)))
        else:
            assert block.feed_forward is None
        h = combined(network, said)
        for around, step in steps:
            y = step(around.norm(h) if before else h)
            h = around.join(h, y) if "gated" in name else h + y
            h = h if before else around.norm(h)
        said.append(h)
    h = combined(network, said)
    h = network.norm(h) if before else h
    expected = h if network.head is None else network.head.project(h)
    assert_equal_as_promised(network(network.graphs([N]), TOKENS), expected)


def combined(network: Network, said: list[Tensor]) -> Tensor:
    """The last state, or the weighted sum of all, each normed."""
    mixed = network.combination
    if mixed is None:
        return said[-1]
    weights = mixed.weights[len(said) - 1]
    return sum(w * norm(y) for w, norm, y in zip(weights, mixed.norms, said, strict=False))


def test_every_page_says_where_it_comes_from():
    for name, page in MODELS.items():
        assert " et al. " in page.__doc__ or "https://arxiv.org" in page.__doc__, name


def test_a_wider_window_is_a_word_of_the_page():
    config = MODELS["gpt2"](11, dim=8, num_heads=2, num_layers=1, max_length=16, pattern="causal & window(2, 0)")
    graph = Network(config).graphs([6])["words"]
    assert torch.equal(graph.dense(), torch.ones(6, 6).tril().triu(-2).bool())


def test_a_leaky_score_is_the_one_of_the_paper():
    assert leaky_relu(torch.tensor(-1.0), built("gat").blocks[0].hearings[0].score.negative_slope) == pytest.approx(
        -0.2
    )


def test_a_page_answers_what_is_asked_of_words_texts_and_tokens():
    words = Sequences([5, 2])
    shapes = {
        asks: list(
            Network(MODELS["encoder"](11, out_dim=out_dim, asks=asks, dim=8, num_heads=2, num_layers=1, hidden=12))(
                words, TOKENS
            ).shape
        )
        for asks, out_dim in (("nodes", 3), ("graph", 4), ("tokens", 11))
    }
    assert shapes == {"nodes": [7, 3], "graph": [2, 4], "tokens": [7, 11]}
    with pytest.raises(ValueError, match="tokens: answers with a logit for each of 11 tokens, got out_dim = 3"):
        MODELS["decoder"](11, out_dim=3)


def test_sequences_make_the_graphs_of_a_network():
    network = network_of(MODELS["decoder"](11, dim=8, num_heads=2, num_layers=2, hidden=12, rotary=True, positions=()))
    whole = network(Sequences([5, 2]), TOKENS)
    apart = torch.cat([network(Sequences([len(x)]), x) for x in TOKENS.split([5, 2])])
    assert_equal_as_promised(whole, apart)
    assert_equal_as_promised(whole, network(network.graphs([5, 2]), TOKENS))


def test_a_tree_is_heard_where_the_pattern_asks_for_it():
    network = network_of(MODELS["encoder"](11, dim=8, num_heads=2, num_layers=1, hidden=12, pattern="tree()"))
    heads = [1, -1, 1, 2, 0, -1, 0]
    trees = Graph.batch([parse("tree()").build(5, tree=heads[:5]), parse("tree()").build(2, tree=heads[5:])])
    assert_equal_as_promised(network(Sequences([5, 2], tree=heads), TOKENS), network(trees, TOKENS))
