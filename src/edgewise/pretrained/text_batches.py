"""Texts as batches of tokens, under the names that transformers gives them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from edgewise.pretrained.open_model import Opened

PADDED_FIRST = ("roberta", "xlm-roberta", "camembert", "mpnet", "longformer", "data2vec-text", "roberta-prelayernorm")
"""Models whose positions begin after those of padding."""


@dataclass(frozen=True)
class TextBatches:
    """Batches of `input_ids` and `attention_mask`, [examples, tokens] each, padded on the right.

    `text` says which text an example is of, batch after batch; `total` counts the examples that there would be without
    a most, and `cut` the texts that were longer than allowed.
    """

    batches: tuple[dict[str, Tensor], ...]
    text: tuple[int, ...]
    total: int
    cut: int

    @property
    def num_tokens(self) -> int:
        """Tokens besides padding."""
        return sum(int(batch["attention_mask"].sum()) for batch in self.batches)


def text_batches(
    tokenizer: Any, texts: Sequence[str], *, length: int, size: int, pieces: bool, most: int | None = None
) -> TextBatches:
    """`size` examples a batch, each of at most `length` tokens, `most` of them.

    Longer texts are cut into `pieces`, one after another and each an example of its own; or they end there. The tokens
    that a tokenizer puts around a text (BERT's [CLS] and [SEP]) count. A piece of one token is none.
    """
    whole = tokenizer(list(texts), truncation=False, verbose=False)["input_ids"]
    if pieces:
        cuts = [[*range(0, len(ids), length), len(ids)] for ids in whole]
        examples = [(k, ids[a:b]) for k, ids in enumerate(whole) for a, b in pairwise(cuts[k]) if b > a + 1]
    else:
        ended = tokenizer(list(texts), truncation=True, max_length=length)["input_ids"]
        examples = list(enumerate(ended))
    kept = examples[:most]
    made = [[ids for _, ids in kept[k : k + size]] for k in range(0, len(kept), size)]
    return TextBatches(
        tuple(_padded(rows, tokenizer.pad_token_id or 0) for rows in made),
        text=tuple(text for text, _ in kept),
        total=len(examples),
        cut=0 if pieces else sum(len(ids) > length for ids in whole),
    )


def _padded(rows: Sequence[Sequence[int]], padding: int) -> dict[str, Tensor]:
    most = max(map(len, rows))
    ids = torch.tensor([[*row, *[padding] * (most - len(row))] for row in rows])
    real = torch.arange(most) < torch.tensor([[len(row)] for row in rows])
    return {"input_ids": ids, "attention_mask": real.long()}


def longest(opened: Opened) -> int | None:
    """So many tokens at once as the model and its tokenizer take; None where neither says."""
    config = opened.model.config.get_text_config()
    found = getattr(config, "max_position_embeddings", None)
    if isinstance(found, int) and config.model_type in PADDED_FIRST:
        found -= 1 + (config.pad_token_id or 0)
    # A tokenizer that knows none says 10 ** 30.
    known = [most for most in (found, opened.tokenizer.model_max_length) if isinstance(most, int) and most < 10**9]
    return min(known, default=None)
