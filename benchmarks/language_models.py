"""Decoders that say the next token of sentences: ours, torch.nn.TransformerEncoder and Hugging Face's GPT-2.

Twins have the same weights: `decoder` those of torch.nn's, `gpt2` those of Hugging Face's. A way is a twin and how its
batches are laid out; its loss is the mean over the real tokens of a batch, whatever stands beside them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from sentences import NONE, Sentences
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import GPT2Config, GPT2LMHeadModel

from edgewise.models import Network, decoder
from edgewise.models.logits import factored
from edgewise.patterns import Sequences
from edgewise.pretrained.gpt2 import gpt2 as gpt2_names
from edgewise.pretrained.torch_nn import to_torch
from edgewise.training import objectives

Loss = Callable[[Any, Sentences], Tensor]


@dataclass(frozen=True)
class Size:
    """What all have in common."""

    tokens: int  # of the vocabulary
    dim: int = 256
    num_layers: int = 4
    num_heads: int = 8
    hidden: int = 1024
    dropout: float = 0.0
    places: int = 256  # the longest sentence that learned positions know

    def flops(self) -> int:
        """Floating-point operations a token that no way can do without: the products with weights, three times two."""
        layer = 4 * self.dim**2 + 2 * self.dim * self.hidden
        return 6 * (self.num_layers * layer + self.dim * self.tokens)


class TorchDecoder(nn.Module):
    """torch.nn.TransformerEncoder, norms first, between scaled token vectors with sinusoids and tied logits."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        D, self.num_heads = size.dim, size.num_heads
        layer = nn.TransformerEncoderLayer(D, size.num_heads, size.hidden, size.dropout, "relu", 1e-5, True, True)
        # Nested tensors are for inference, and norms first rule them out; left on, that is a warning.
        self.stack = nn.TransformerEncoder(layer, size.num_layers, nn.LayerNorm(D), enable_nested_tensor=False)
        self.table = nn.Embedding(size.tokens, D)
        self.dropout = nn.Dropout(size.dropout)
        angle = torch.arange(size.places)[:, None] / 10000.0 ** (torch.arange(0, D, 2) / D)
        self.register_buffer("sinusoids", torch.stack([angle.sin(), angle.cos()], -1).flatten(1), persistent=False)
        mask = nn.Transformer.generate_square_subsequent_mask(size.places)
        self.register_buffer("mask", mask, persistent=False)

    def embedded(self, tokens: Tensor, places: Tensor | None = None) -> Tensor:
        sinusoids = self.sinusoids[: tokens.shape[1]] if places is None else self.sinusoids[places]
        return self.dropout(self.table(tokens) * math.sqrt(self.table.embedding_dim) + sinusoids)

    def logits(self, states: Tensor) -> Tensor:
        return states @ self.table.weight.T


def ours(network: Network, batch: Sentences) -> Tensor:
    """A disjoint union, and the objective as our training takes it."""
    with factored(network):
        logits = network(Sequences(batch.lengths), batch.heard)
    return objectives.cross_entropy_of_factors(logits, batch.asked)


def key_padding(model: TorchDecoder, batch: Sentences) -> Tensor:
    """Padded rows as the documents have them: a causal mask, and one of the padding; logits of all positions."""
    rows = batch.padded
    length = rows.tokens.shape[1]
    mask = model.mask[:length, :length]
    states = model.stack(model.embedded(rows.tokens), mask, rows.silent, is_causal=True)
    return cross_entropy(model.logits(states).flatten(0, 1), rows.targets.flatten(), ignore_index=NONE)


def causal_alone(model: TorchDecoder, batch: Sentences) -> Tensor:
    """Padded rows without a mask of the padding: it stands behind, where no real token hears it. Real logits alone."""
    rows = batch.padded
    length = rows.tokens.shape[1]
    states = model.stack(model.embedded(rows.tokens), model.mask[:length, :length], is_causal=True)
    index, targets = rows.asked
    return cross_entropy(model.logits(states.flatten(0, 1)[index]), targets)


def packed(model: TorchDecoder, batch: Sentences) -> Tensor:
    """Packed rows with a mask of their own, which every head is given; logits of real tokens alone."""
    rows = batch.packed
    mask = rows.mask.repeat_interleave(model.num_heads, 0)
    states = model.stack(model.embedded(rows.tokens, rows.places), mask)
    index, targets = rows.asked
    return cross_entropy(model.logits(states.flatten(0, 1)[index]), targets)


def attention_mask(model: Any, batch: Sentences) -> Tensor:
    """Padded rows and which of them are real."""
    rows = batch.padded
    mask, targets = rows.real.long(), rows.targets
    return model(rows.tokens, attention_mask=mask, labels=targets, shift_labels=targets, use_cache=False).loss


def position_ids(model: Any, batch: Sentences) -> Tensor:
    """Packed rows, told by places that begin anew."""
    rows, targets = batch.packed, batch.packed.targets
    return model(rows.tokens, position_ids=rows.places, labels=targets, shift_labels=targets, use_cache=False).loss


@dataclass(frozen=True)
class Way:
    """One twin and how it is given its batches."""

    peer: str  # "torch.nn" or "GPT-2", or the twin of it
    is_ours: bool
    layout: str  # of its batches: "union", "padded", "packed"
    loss: Loss


WAYS = {
    "edgewise decoder": Way("torch.nn", True, "union", ours),
    "torch.nn, padded, both masks": Way("torch.nn", False, "padded", key_padding),
    "torch.nn, padded, causal alone": Way("torch.nn", False, "padded", causal_alone),
    "torch.nn, packed by hand": Way("torch.nn", False, "packed", packed),
    "edgewise gpt2": Way("GPT-2", True, "union", ours),
    "GPT-2, padded": Way("GPT-2", False, "padded", attention_mask),
    "GPT-2, packed": Way("GPT-2", False, "packed", position_ids),
}


def twins(size: Size) -> dict[tuple[str, bool], nn.Module]:
    """The four models, by whose shape they have and whether they are ours."""
    torch.manual_seed(0)
    shape = {"dim": size.dim, "num_layers": size.num_layers, "num_heads": size.num_heads, "hidden": size.hidden}
    first = Network(decoder(size.tokens, dropout=size.dropout, **shape))
    theirs = TorchDecoder(size)
    for block, layer in zip(first.blocks, theirs.stack.layers, strict=True):
        layer.load_state_dict(to_torch(block.state_dict(), block))
    theirs.stack.norm.load_state_dict(first.norm.state_dict())
    theirs.table.load_state_dict(first.embed["nodes"].tokens.state_dict())
    hugging_face = _hugging_face(size)
    second = Network(gpt2_names.config_from_hf(hugging_face.config))
    second.load_state_dict(gpt2_names.from_hf(hugging_face.state_dict(), second.config))
    return {
        ("torch.nn", True): first,
        ("torch.nn", False): theirs,
        ("GPT-2", True): second,
        ("GPT-2", False): hugging_face,
    }


def _hugging_face(size: Size) -> Any:
    config = GPT2Config(
        vocab_size=size.tokens,
        n_embd=size.dim,
        n_layer=size.num_layers,
        n_head=size.num_heads,
        n_inner=size.hidden,
        n_positions=size.places,
        **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), size.dropout),
        **dict.fromkeys(("bos_token_id", "eos_token_id"), 0),
        attn_implementation="sdpa",
    )
    return GPT2LMHeadModel(config)


def products(size: Size, most: int) -> Callable[[Sentences], object]:
    """The products of real tokens with every weight, forward and twice backward, and nothing else."""
    D, F = size.dim, size.hidden
    shapes = [*[(D, 3 * D), (D, D), (D, F), (F, D)] * size.num_layers, (D, size.tokens)]
    weights = [torch.randn(out, given) for given, out in shapes]
    states = {width: torch.randn(most, width) for pair in shapes for width in pair}

    def compute(batch: Sentences) -> None:
        for weight in weights:
            x, y = (states[width][: batch.size] for width in weight.shape[::-1])
            _ = x @ weight.T, y @ weight, y.T @ x

    return compute
