"""A trained Llama tells its story, word by word, through our names and our past.

The file is llama2.c's; EDGEWISE_DATA names the folder that holds it.
"""

import os
import struct
from pathlib import Path

import pytest
import torch
from tests.equal import assert_equal_as_promised
from transformers import LlamaConfig, LlamaForCausalLM

from edgewise import rewire
from edgewise.models import Network
from edgewise.pretrained import llama

FOLDER = Path(os.environ.get("EDGEWISE_DATA", "nowhere")) / "stories260K"
STORY = (
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a "
    "big, red ball. She wanted to play with it, but it was too high."
)

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="needs the folder that EDGEWISE_DATA names")


def half_split(weight, heads):
    """llama2.c turns neighbouring channels, Hugging Face and we turn channels half a head apart."""
    return weight.unflatten(0, (heads, -1, 2)).transpose(1, 2).reshape_as(weight)


@pytest.fixture(scope="module")
def checkpoint():
    """Their state and their config, read from llama2.c's first format."""
    content = bytearray((FOLDER / "stories260K.bin").read_bytes())
    dim, hidden, layers, heads, kv_heads, tokens, length = struct.unpack("7i", content[:28])
    numbers, read = torch.frombuffer(content, dtype=torch.float32, offset=28), 0

    def take(*shape):
        nonlocal read
        start, read = read, read + torch.Size(shape).numel()
        return numbers[start:read].view(shape)

    kv_dim = dim // heads * kv_heads
    state = {"model.embed_tokens.weight": take(tokens, dim)}
    for name, shape in (
        ("input_layernorm", (dim,)),
        ("self_attn.q_proj", (dim, dim)),
        ("self_attn.k_proj", (kv_dim, dim)),
        ("self_attn.v_proj", (kv_dim, dim)),
        ("self_attn.o_proj", (dim, dim)),
        ("post_attention_layernorm", (dim,)),
        ("mlp.gate_proj", (hidden, dim)),
        ("mlp.down_proj", (dim, hidden)),
        ("mlp.up_proj", (hidden, dim)),
    ):
        for n, weight in enumerate(take(layers, *shape)):
            turned = {"self_attn.q_proj": heads, "self_attn.k_proj": kv_heads}.get(name)
            state[f"model.layers.{n}.{name}.weight"] = weight if turned is None else half_split(weight, turned)
    state["model.norm.weight"] = take(dim)
    config = {
        "vocab_size": tokens,
        "hidden_size": dim,
        "intermediate_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "max_position_embeddings": length,
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": True,
    }
    return state, config


@pytest.fixture(scope="module")
def network(checkpoint):
    state, config = checkpoint
    made = Network(llama.config_from_hf(config)).eval()
    made.load_state_dict(llama.from_hf(state, made.config))
    return made


def pieces():
    """The bytes of each token."""
    content = (FOLDER / "tok512.bin").read_bytes()
    found, at = [], 4
    while at < len(content):
        (length,) = struct.unpack_from("i", content, at + 4)
        found.append(content[at + 8 : at + 8 + length])
        at += 8 + length
    return found


@torch.no_grad()
def test_the_story_is_told_word_by_word(network):
    told, past = [1], None
    while len(told) < 100:
        graphs = network.graphs([1], past=[len(told) - 1])
        logits, past = network(graphs, torch.tensor(told[-1:]), past=past, keep_past=True)
        told.append(int(logits[0].argmax()))
    written = pieces()
    text = b"".join(written[token] for token in told[1:])
    assert text.decode().lstrip().startswith(STORY)


@torch.no_grad()
def test_its_logits_are_theirs(checkpoint, network):
    state, config = checkpoint
    theirs = LlamaForCausalLM(LlamaConfig(**config)).eval()
    theirs.load_state_dict(state | {"lm_head.weight": state["model.embed_tokens.weight"]})
    words = torch.randint(3, 512, (2, 64), generator=torch.Generator().manual_seed(0))
    ours, expected = network(network.graphs([64]), words), theirs(words).logits
    assert_equal_as_promised(ours, expected)


@torch.no_grad()
@pytest.mark.parametrize("told", ["complete", "window(511, 0)"])
def test_their_model_rewired_tells_it_too(checkpoint, told):
    state, config = checkpoint
    model = LlamaForCausalLM(LlamaConfig(**config, bos_token_id=1, eos_token_id=2)).eval()
    model.load_state_dict(state | {"lm_head.weight": state["model.embed_tokens.weight"]})
    begin = torch.tensor([[1]])
    said = rewire(model, told).generate(
        begin, attention_mask=torch.ones_like(begin), max_new_tokens=99, do_sample=False, pad_token_id=0
    )
    written = pieces()
    text = b"".join(written[token] for token in said[0, 1:].tolist())
    assert text.decode().lstrip().startswith(STORY)
