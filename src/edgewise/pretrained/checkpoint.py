"""A checkpoint of Hugging Face's as a network of ours, with a new head: what a recipe fine-tunes."""

import json
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from torch import nn

from edgewise.extras import require
from edgewise.models import Network
from edgewise.models.stacks import Head, answer_to
from edgewise.names import lookup
from edgewise.pretrained.bert import bert
from edgewise.pretrained.gpt2 import gpt2
from edgewise.pretrained.hugging_face import HuggingFace
from edgewise.pretrained.llama import llama
from edgewise.pretrained.vocabulary import check_vocabulary

PAGES: dict[str, HuggingFace] = {"bert": bert, "gpt2": gpt2, "llama": llama}
# What each kind calls the dropout of states and of attention; Llama has none.
DROPOUT = {
    "bert": ("hidden_dropout_prob", "attention_probs_dropout_prob"),
    "gpt2": ("resid_pdrop", "embd_pdrop", "attn_pdrop"),
    "llama": (),
}
UNREAD = ("*pooler.*", "cls.*", "*position_ids")  # what BERT says of pairs and hidden words, numbers that count up
HEADS = ("lm_head.*",)  # of GPT-2 and Llama, which stay where tokens are asked


def checkpoint(
    tokens: int,
    *,
    folder: str,
    out_dim: int | None = None,
    asks: str = "nodes",
    head: Head | None = None,
    learn: int = -1,
    dropout: float | None = None,
    pattern: str = "",
    tokeniser: Mapping[str, Any] | None = None,
) -> Network:
    """The model in a folder of Hugging Face's under our names, its weights in it, and a head for what is asked.

    In a recipe: name = "edgewise.pretrained:checkpoint", folder = "...", and in [data] its own tokeniser, {name =
    "file", file = "…/tokenizer.json"}. BERT, GPT-2 and Llama shapes; the numbers are theirs, see `HuggingFace`.

    Args:
        tokens: how many the tokeniser knows, as the data say; all of them must have a vector in the checkpoint.
        folder: holds config.json and model.safetensors.
        out_dim, asks, head: what is asked, as in `models.encoder`; a text's classes are of the mean of its states. Of
            tokens GPT-2 and Llama answer by their own head, BERT by its embedding.
        learn: how many of the last blocks are learned, besides the head; the others and the embedding stay as they are,
            and so does a head that is tied to it. -1: everything is learned.
        dropout: of states and attention while it learns; the checkpoint's unless given.
        pattern: who hears whom; the checkpoint's unless given.
        tokeniser: what cuts the texts, as the data keep it; it must number its tokens as the one in the folder does.

    Howard & Ruder 2018, https://arxiv.org/abs/1801.06146; Devlin et al. 2019, section 3.2.
    """
    place = Path(folder).expanduser()
    for name in ("config.json", "model.safetensors"):
        if not (place / name).is_file():
            raise FileNotFoundError(f"checkpoint: {place} has no {name}; a folder of Hugging Face's holds both")
    settings: dict[str, Any] = json.loads((place / "config.json").read_text(encoding="utf-8"))
    kind = str(settings.get("model_type"))
    theirs = lookup(kind, PAGES, "kind of checkpoint")
    if dropout is not None:
        if not DROPOUT[kind]:
            raise ValueError(
                f"checkpoint: {place} is a {kind}, which has no dropout, got dropout = {dropout}; leave it out"
            )
        settings |= dict.fromkeys(DROPOUT[kind], dropout)
    config = theirs.config_from_hf(settings)
    known = config.inputs["nodes"].tokens
    if known is None or tokens > known:
        raise ValueError(
            f"checkpoint: the tokeniser of the data has {tokens} tokens, and {place} has vectors for {known}; take its"
            ' own, tokeniser = {name = "file", file = ".../tokenizer.json"}'
        )
    if tokeniser is not None:
        check_vocabulary(tokeniser["tokenizer"], place)
    own = asks == "tokens" and head is None and out_dim in (None, tokens) and config.head is not None
    answer = config.head if own else answer_to(asks, out_dim, head, known, tied=True)
    patterns = dict.fromkeys(config.patterns, pattern) if pattern else config.patterns
    network = Network(replace(config, head=answer, patterns=patterns))
    state = require("safetensors.torch", extra="train").load_file(place / "model.safetensors")
    prefixes = ("", theirs.prefix, f"{theirs.model_type}.")
    prefix = next((found for found in prefixes if f"{found}{_first(theirs)}" in state), "")
    unread = UNREAD if own else (*UNREAD, *HEADS)
    skip = [pattern for pattern in unread if any(fnmatchcase(name, pattern) for name in state)]
    body = theirs.from_hf(state, config if own else replace(config, head=None), prefix=prefix, skip=skip)
    network.load_state_dict(body, strict=False)
    _freeze(network, learn)
    return network


def _first(theirs: HuggingFace) -> str:
    return theirs.rows[0].theirs


def _freeze(network: Network, learn: int) -> None:
    """All but the head and the last blocks; nothing for -1."""
    count = len(network.blocks)
    if not -1 <= learn <= count:
        raise ValueError(f"checkpoint: learn must be from 0 to its {count} blocks, or -1 for everything, got {learn}")
    if learn < 0:
        return
    frozen: list[nn.Module] = [network.embed, *network.blocks[: count - learn]]
    for module in frozen:
        for weight in module.parameters():
            weight.requires_grad_(False)
