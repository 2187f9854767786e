"""Documents packed into rows of one length, each heard by itself: blocks of a batch without much padding."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import torch

from edgewise.patterns.door import integer

Document = TypeVar("Document", bound=Sequence[Any])


def pack(documents: Iterable[Document], length: int) -> list[list[Document]]:
    """Rows of at most `length` tokens, each of whole documents, in their order.

    A document that does not fit into what is left of a row begins the next one. One of more than `length` tokens is cut
    into pieces of `length`, the last shorter, each from then on a document by itself. Empty ones fall away.

    >>> pack(["abc", "de", "f", "ghijklm"], length=5)
    [['abc', 'de'], ['f'], ['ghijk'], ['lm']]
    """
    integer("pack", "length", length, 1, "It counts the tokens of a row.")
    rows: list[list[Document]] = []
    left = 0
    for document in documents:
        for start in range(0, len(document), length):
            piece: Any = document[start : start + length]
            if len(piece) > left:
                rows.append([])
                left = length
            rows[-1].append(piece)
            left -= len(piece)
    return rows


def packed_batch(texts: Iterable[str], tokenizer: Any, length: int, *, labels: bool = False) -> dict[str, Any]:
    """What `model(**batch)` of a rewired model takes, several documents a row, none of which hears another.

    `position_ids` restart with each document, by which decoders of transformers tell them apart; `lengths`, the number
    of tokens of each document of a row, tells rewired heads, of encoders as well. Padding, at the end of a row, is one
    more document. The rule of `pack` says what stands in a row.

    Args:
        texts: one a document.
        tokenizer: any tokenizer of transformers; its special tokens are put around each text.
        length: so many tokens a row.
        labels: whether to bring the tokens to be predicted, -100 for padding and for the first token of each document.

    Returns:
        `input_ids`, `position_ids` (and `labels`), int64 [rows, length], and `lengths`, a list for each row.
    """
    documents = list(texts)
    if not documents:
        raise ValueError("packed_batch: expected at least one text, got none")
    rows = pack(tokenizer(documents, verbose=False)["input_ids"], length)
    pad = getattr(tokenizer, "pad_token_id", None) or 0  # heard by nobody but padding
    lengths = [[len(piece) for piece in row] for row in rows]
    padding = [length - sum(row) for row in lengths]
    ids = [
        [*(token for piece in row for token in piece), *[pad] * rest] for row, rest in zip(rows, padding, strict=True)
    ]
    lengths = [row + [rest] * (rest > 0) for row, rest in zip(lengths, padding, strict=True)]
    batch: dict[str, Any] = {
        "input_ids": torch.tensor(ids),
        "position_ids": torch.tensor([[place for count in row for place in range(count)] for row in lengths]),
        "lengths": lengths,
    }
    if labels:
        real = torch.arange(length) < length - torch.tensor(padding)[:, None]
        batch["labels"] = batch["input_ids"].where(real & (batch["position_ids"] > 0), -100)
    return batch
