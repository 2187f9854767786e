"""Sentences as a batch of Hugging Face's: token ids, and what is known of the tokens, for a rewired model."""

import json
from collections.abc import Iterable
from typing import Any

from edgewise.data.sentence import Sentence
from edgewise.data.subwords import token_heads, token_labels, token_spans


def sentence_batch(
    sentences: Iterable[Sentence],
    tokenizer: Any,
    *,
    tree: bool = True,
    spans: int | None = None,
    links: str | None = None,
    max_length: int | None = None,
) -> Any:
    """What `model(**batch)` of a rewired model takes: padded tokens, and for each sentence what its patterns need.

    A sentence is cut into tokens word by word, and what is said of words is said of their tokens, by the rules of
    `token_heads`, `token_spans` and `token_labels`: a word's first token stands for it, its others hang on that one,
    and the first special token is the head of roots and of the other special tokens.

    Args:
        sentences: such as `read_conllu` gives.
        tokenizer: a fast tokenizer of transformers.
        tree: whether to bring heads, for the pattern `tree`.
        spans: how many words the longest span may have, to bring `Sentence.spans`, for the pattern `spans`.
        links: the column to bring as labels, by `Sentence.links`, for the pattern `links`.
        max_length: so many tokens are kept of a sentence, special ones among them; None for all.

    Returns:
        A BatchEncoding: `input_ids`, `attention_mask` and the like as tensors; `tree`, `spans` and `links` as lists.

    >>> from tokenizers import Tokenizer, models, pre_tokenizers
    >>> from transformers import PreTrainedTokenizerFast
    >>> pieces = Tokenizer(models.WordPiece({"[PAD]": 0, "dog": 1, "##s": 2, "bark": 3}, unk_token="[PAD]"))
    >>> pieces.pre_tokenizer = pre_tokenizers.Whitespace()
    >>> tokenizer = PreTrainedTokenizerFast(tokenizer_object=pieces, pad_token="[PAD]")
    >>> batch = sentence_batch([Sentence(("dogs", "bark"), (1, -1)), Sentence(("bark",), (-1,))], tokenizer)
    >>> batch["input_ids"].tolist(), batch["tree"]
    ([[1, 2, 3], [3, 0, 0]], [[2, 0, -1], [-1]])
    """
    sentences = list(sentences)
    if not sentences:
        raise ValueError("sentence_batch: expected at least one sentence, got none")
    if not getattr(tokenizer, "is_fast", False):
        raise ValueError(
            f"sentence_batch: expected a fast tokenizer of transformers, which knows the word of each token, got "
            f"{type(tokenizer).__name__}; AutoTokenizer.from_pretrained gives one where there is one"
        )
    space = " " if _keeps_spaces(tokenizer) else ""
    words = [
        [space * before + word for before, word in zip((False, *sentence.spaces), sentence.words, strict=False)]
        for sentence in sentences
    ]
    encoded = tokenizer(words, is_split_into_words=True, truncation=max_length is not None, max_length=max_length)
    word_ids = [encoded.word_ids(k) for k in range(len(sentences))]
    batch = tokenizer.pad(encoded, return_tensors="pt")
    pairs = list(zip(sentences, word_ids, strict=True))
    if tree:
        batch["tree"] = [token_heads(sentence.heads, ids) for sentence, ids in pairs]
    if spans is not None:
        batch["spans"] = [token_spans(sentence.spans(spans), ids) for sentence, ids in pairs]
    if links is not None:
        batch["links"] = [token_labels(sentence.links(links), ids) for sentence, ids in pairs]
    return batch


def _keeps_spaces(tokenizer: Any) -> bool:
    """Whether tokens hold the spaces between words, and none is put before a word that comes alone."""
    step = json.loads(tokenizer.backend_tokenizer.to_str())["pre_tokenizer"] or {}
    return any(
        one["type"] == "ByteLevel" and not one["add_prefix_space"]
        for one in (step, *step.get("pretokenizers", ()))
        if one
    )
