"""Ten things that users of other libraries asked for, as docs/asked_for.md answers them; a test an answer.

Bytes, pairs, bits and errors are counted here, never seconds.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import transformers as hf
from tests.equal import assert_equal_as_promised
from tests.pretrained.eager_along import IDS, RIGHT, SHAPE, eager_along, heard_by
from tests.pretrained.peers import shaken
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import edgewise
from edgewise import Graph, native, parse, restore, rewire
from edgewise.kernels import Additive, attend, plan
from edgewise.patterns import blocks, causal

PAGE = Path(__file__).parent.parent / "docs/asked_for.md"


class Largest(TorchDispatchMode):
    """The size of the largest tensor that anybody makes, in bytes."""

    def __init__(self):
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        made = [x for x in tree_leaves(out) if isinstance(x, torch.Tensor)]
        self.bytes = max([self.bytes, *(x.untyped_storage().nbytes() for x in made)])
        return out


def irregular(nodes, degree):
    torch.manual_seed(0)
    receivers = torch.arange(nodes).repeat_interleave(degree)
    senders = torch.cat([torch.randperm(nodes)[:degree] for _ in range(nodes)])
    return Graph.from_edges(senders, receivers, num_senders=nodes)


def said_by(code):
    """What a program prints, run as users run it: without the shape checks of the tests."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


# --- 1. memory


@pytest.mark.parametrize("score", ["dot", "additive"])
@pytest.mark.skipif(native.module() is None, reason="the compiled part makes none; the reference does")
def test_no_tensor_of_edges_times_channels_is_made_forward_or_backward(score):
    """pytorch_geometric#8316: out of memory at `alpha.unsqueeze(-1) * x_j`; #527: 32 GB for ten thousand parameters."""
    graph = irregular(500, 40)
    E, H, D = graph.num_edges, 4, 64
    value = torch.randn(500, H, D, requires_grad=True)
    width = D if score == "dot" else 1
    query, key = (torch.randn(500, H, width, requires_grad=True) for _ in range(2))
    told = {} if score == "dot" else {"score": Additive()}
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: saved.append(x) or x, lambda x: x), Largest() as largest:
        attend(query, key, value, graph, **told).sum().backward()
    assert largest.bytes < E * H * D * 4 / 4  # in PyG E x H x D numbers stand there several times over
    nodes, runs = value.numel() * 4, sum(x.nbytes for x in graph.runs)
    assert sum({x.data_ptr(): x.nbytes for x in saved}.values()) < 4 * nodes + 4 * runs


# --- 2. exact attention over any list of edges


def test_a_list_of_edges_is_an_attention_graph_at_any_size():
    """xformers#893: 100,000 x 100,000 with 99,999 pairs: 6 MB as a list, and no dense mask of it fits."""
    n = 100_000
    order = torch.randperm(n)
    graph = Graph.from_edges(order[:-1], order[1:], num_senders=n)
    assert graph.num_edges == n - 1 and sum(x.nbytes for x in graph.runs) < 3e6
    query, key, value = (torch.randn(n, 1, 4) for _ in range(3))
    with Largest() as largest:
        out = attend(query, key, value, graph)
    assert largest.bytes < 100 * n
    assert_equal_as_promised(out[order[1:]], value[order[:-1]])  # who hears one sender says what that one says
    assert not out[order[0]].any()


# --- 3. a pattern costs less than its attention, and nothing is compiled anew


def test_a_mask_of_documents_is_made_in_memory_that_follows_the_tokens():
    """attention-gym#149: 800,000 tokens of documents, ten times longer in create_block_mask than in attention."""
    torch.manual_seed(0)
    lengths = torch.randint(100, 3_000, (520,)).tolist()
    n = sum(lengths)
    with Largest() as largest:
        graph = (blocks() & causal()).build(n, lengths=lengths)
    assert n > 780_000 and graph.num_edges == sum(length * (length + 1) // 2 for length in lengths)
    assert sum(x.nbytes for x in graph.runs) < 25 * n and largest.bytes < 25 * n


COMPILED = """
import torch
from edgewise import parse
from edgewise.kernels import attend
compiled = torch.compile(lambda *x: attend(*x), backend="eager", dynamic=True)
with torch._dynamo.config.patch(error_on_recompile=True):
    for n, pattern in ((30, "window(2, 1) | hubs(0)"), (30, "hubs(0)"), (40, "window(3, 3)"), (55, "causal | hubs(9)")):
        x = [torch.randn(n, 2, 4, requires_grad=True) for _ in range(3)]
        compiled(*x, parse(pattern).build(n)).sum().backward()
print("compiled once")
"""


def test_another_length_or_graph_compiles_nothing_and_a_known_one_makes_nothing():
    """pytorch#151043: 0.15 to 0.3 s a mask; attention-gym#159: compiled again whenever lengths or masks change."""
    assert said_by(COMPILED) == "compiled once"
    model = rewire(hf.LlamaModel(hf.LlamaConfig(**SHAPE)).eval(), "window(2, 0) | hubs(0)")
    for length in (9, 5, 7, 9, 5, 7):
        model(IDS[:1, :length])
    assert len(model._edgewise_rewiring.kept) == 3


# --- 4. a CPU trains it


@pytest.mark.parametrize("pattern", ["window(3, 1)", "window(2, 0) | hubs(0)", "causal & strided(3)"])
def test_a_cpu_trains_along_any_pattern(pattern):
    """pytorch#148752: FlexAttention has no backward on a CPU."""
    graph = parse(pattern).build(12)
    heard = graph.dense()
    x = [torch.randn(12, 2, 4, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    out = attend(*x, graph)
    logits = torch.einsum("ihd,jhd->hij", x[0], x[1]) / 2
    dense = torch.einsum("hij,jhd->ihd", logits.masked_fill(~heard, -torch.inf).softmax(-1), x[2])
    weight = torch.randn_like(out)
    for ours, theirs in zip(
        torch.autograd.grad((out * weight).sum(), x), torch.autograd.grad((dense * weight).sum(), x), strict=True
    ):
        assert_equal_as_promised(ours, theirs)


# --- 5. the compiled part is tied to no version of torch, and may be missing


@pytest.mark.skipif(native.module() is None, reason="no compiled part here")
def test_the_compiled_part_is_linked_to_no_torch():
    """dgl#7790 and six more: no C++ library for this torch; pyg-lib#546: no wheels for four months."""
    file = Path(native.module().__file__)
    assert b"libtorch" not in file.read_bytes() and b"libc10" not in file.read_bytes()


def test_without_the_compiled_part_the_answers_are_the_same():
    code = (
        "import sys, torch, warnings; warnings.simplefilter('ignore'); sys.modules['edgewise._native'] = None\n"
        "from edgewise import parse, native; from edgewise.kernels import attend\n"
        "assert native.module() is None\n"
        "torch.manual_seed(0); x = [torch.randn(30, 2, 4) for _ in range(3)]\n"
        "print(attend(*x, parse('window(3, 1) | hubs(0)').build(30)).double().sum().item())"
    )
    told = said_by(code)
    torch.manual_seed(0)
    x = [torch.randn(30, 2, 4) for _ in range(3)]
    here = attend(*x, parse("window(3, 1) | hubs(0)").build(30)).double().sum().item()
    assert float(told) == pytest.approx(here, abs=1e-4)


# --- 6. nothing is dropped in silence


def test_the_backend_never_loses_the_mask():
    """transformers#45811: without its mask function a custom attention is causal no longer, and the model cheats."""
    edgewise.pretrained.register()
    torch.manual_seed(0)
    config = hf.LlamaConfig(**SHAPE)
    model = shaken(hf.LlamaModel._from_config(config, attn_implementation="edgewise"))
    other = IDS.clone()
    other[:, 5:] = 3
    assert torch.equal(model(IDS)[0][:, :5], model(other)[0][:, :5])
    forgetful = "attention alone"
    hf.AttentionInterface.register(forgetful, hf.AttentionInterface()["edgewise"])
    try:  # what they meant: so it goes for a function that has no mask function beside it
        cheat = shaken(hf.LlamaModel._from_config(config, attn_implementation=forgetful))
        assert not torch.allclose(cheat(IDS)[0][:, :5], cheat(other)[0][:, :5])
    finally:
        del hf.AttentionInterface._global_mapping[forgetful]


def test_head_mask_is_an_error_and_heads_is_the_way():
    """transformers#41076: head_mask= is taken and does nothing."""
    model = shaken(hf.BertModel(hf.BertConfig(**SHAPE)))
    assert torch.equal(model(IDS, head_mask=torch.zeros(2, 4))[0], model(IDS)[0])
    rewire(model, "window(0, 0)", heads=[1])
    with pytest.raises(TypeError, match=r"takes head_mask= and does nothing with it.*heads=\[0\]"):
        model(IDS, head_mask=torch.zeros(2, 4))
    weights = model(IDS, output_attentions=True).attentions[0]
    assert torch.equal(weights[:, 1] > 0, torch.eye(9).bool().expand(2, 9, 9)) and bool((weights[:, 0] > 0).all())


# --- 7. weights come back, of every class


@pytest.mark.parametrize("family", ["bert", "llama"])
def test_weights_come_back_whatever_computes_them(family):
    """spaCy#7283, pytorch#119811: SDPA gives none, and who asks is told to write attention anew."""
    config = hf.BertConfig(**SHAPE) if family == "bert" else hf.LlamaConfig(**SHAPE)
    model = shaken((hf.BertModel if family == "bert" else hf.LlamaModel)(config))
    with eager_along(model, heard_by(parse("window(2, 1)"))):
        theirs = model(IDS, output_attentions=True).attentions
    ours = rewire(model, "window(2, 1)")(IDS, output_attentions=True).attentions
    for a, b in zip(ours, theirs, strict=True):
        assert_equal_as_promised(a, b)
    x = [torch.randn(9, 2, 4) for _ in range(3)]
    out, weights = attend(*x, parse("window(2, 1)").build(9), return_weights=True)
    assert weights.shape == (parse("window(2, 1)").build(9).num_edges, 2)
    assert torch.equal(out, attend(*x, parse("window(2, 1)").build(9)))


# --- 8. the same bits again


def test_gradients_are_the_same_bits_for_any_number_of_threads_and_order_of_edges():
    """pytorch_geometric#2788, #446: scatter is not repeatable; 69 to 73 % accuracy from one run to the next."""
    graph = irregular(300, 12)
    senders, receivers = graph.edges()
    shuffled = torch.randperm(graph.num_edges)
    again = Graph.from_edges(senders[shuffled], receivers[shuffled], num_senders=300)
    x = [torch.randn(300, 4, 16, requires_grad=True) for _ in range(3)]
    weight, before = torch.randn(300, 4, 16), torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3, 7):
            torch.set_num_threads(threads)
            for one in (graph, again):
                out = attend(*x, one)
                found.append([out.detach(), *torch.autograd.grad((out * weight).sum(), x)])
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for other in found[1:] for a, b in zip(other, found[0], strict=True))


# --- 9. packed, padded or alone


def test_sequences_of_a_batch_never_attend_across():
    """pytorch#177378: jagged inputs attend across sequences, in silence; #154556: they fail."""
    lengths = [5, 1, 8]
    graph = causal().build_batch(lengths)
    x = [torch.randn(14, 2, 4, requires_grad=True) for _ in range(3)]
    out = attend(*x, graph)
    for start, stop in ((0, 5), (5, 6), (6, 14)):
        alone = attend(*(one[start:stop] for one in x), causal().build(stop - start))
        assert_equal_as_promised(out[start:stop], alone)
        for grad in torch.autograd.grad(out[start:stop].sum(), x, retain_graph=True):
            assert not grad[:start].any() and not grad[stop:].any()


def test_padded_and_packed_batches_of_a_checkpoint_are_its_sentences_alone():
    model = rewire(shaken(hf.LlamaModel(hf.LlamaConfig(**SHAPE))), "window(2, 0) | hubs(0)")
    alone = [model(IDS[:1])[0][0], model(IDS[1:, :6])[0][0]]
    padded = model(IDS, attention_mask=RIGHT)[0]
    packed = model(
        torch.cat([IDS[:1], IDS[1:, :6]], dim=1),
        position_ids=torch.cat([torch.arange(9), torch.arange(6)])[None],
        use_cache=False,
    )[0]
    assert_equal_as_promised(padded[RIGHT.bool()], torch.cat(alone))
    assert_equal_as_promised(packed[0], torch.cat(alone))


# --- 10. sparse attention is no model of its own, and costs its pairs


FAMILIES = {
    "bert": lambda: hf.BertModel(hf.BertConfig(**SHAPE)),
    "llama": lambda: hf.LlamaModel(hf.LlamaConfig(**SHAPE)),
    "t5": lambda: hf.T5EncoderModel(hf.T5Config(d_model=16, d_kv=4, num_heads=4, num_layers=2, d_ff=24, vocab_size=40)),
    "gpt2": lambda: hf.GPT2Model(
        hf.GPT2Config(n_embd=16, n_head=4, n_layer=2, vocab_size=40, bos_token_id=1, eos_token_id=2)
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_one_graph_means_the_same_in_every_model(family):
    """transformers#27493, #35290: custom masks of four dimensions, whose support differs from model to model."""
    torch.manual_seed(0)
    model = shaken(FAMILIES[family]())
    bigbird = parse("window(1, 1) | hubs(0) | random_regular(2, seed=3)")  # pytorch_geometric#8320 asks for it in GPS
    heard = rewire(model, bigbird)(IDS[:1], output_attentions=True).attentions
    causally = family in ("llama", "gpt2")
    wanted = bigbird.build(9).dense() & (torch.ones(9, 9).tril().bool() if causally else True)
    assert all(torch.equal(weights[0, head] > 0, wanted) for weights in heard for head in range(4))
    restore(model)


@pytest.mark.parametrize("pattern", ["window(127, 0)", "causal & window(127, 0) | hubs(0)", "window(64, 64) | hubs(0)"])
@pytest.mark.skipif(native.module() is None, reason="without the compiled part there are no tiles")
def test_the_price_of_a_pattern_is_its_edges(pattern):
    """transformers#18234: Longformer and BigBird take the same time sparse and full."""
    found = plan(parse(pattern).build(4_096))
    assert found.num_edges < found.num_pairs / 20
    assert found.cost < found.num_pairs / 10  # in pairs of dense attention
    longer = plan(parse(pattern).build(16_384))
    assert longer.cost < 4.4 * found.cost  # dense attention: 16 times


# --- the page


def test_every_answer_of_the_page_is_a_test_and_every_test_is_on_it():
    written = set(re.findall(r"test_asked_for\.py::(\w+)", PAGE.read_text()))
    here = {name for name in globals() if name.startswith("test_")} - {
        "test_every_answer_of_the_page_is_a_test_and_every_test_is_on_it"
    }
    assert written == here
