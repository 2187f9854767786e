"""From words to the tokens that a tokenizer cuts them into: what is said of words, said of tokens.

`word_ids` is what a fast tokenizer says of one text without padding: the word of each token, None for special tokens.
"""

from collections.abc import Sequence

import torch

from edgewise.patterns.tree import circular

WordIds = Sequence[int | None]


def token_heads(heads: Sequence[int], word_ids: WordIds) -> list[int]:
    """The head of each token, from the head of each word; -1 for a root.

        head(first token of w)      =  first token of heads[w];  of the next word up, where that one has no token
        head(first token of a root) =  the first special token;  -1 where there is none
        head(other tokens of w)     =  first token of w
        head(special tokens)        =  the first of them, whose own head is -1

    A word without tokens, whether its tokenizer drops it or the text was cut before it, hands its dependents to its own
    head. The heads of tokens form a forest, as those of words do; with special tokens, one tree.

    >>> token_heads([1, -1, 1], word_ids=[None, 0, 0, 1, 2, None])
    [-1, 3, 1, 0, 3, 0]
    >>> token_heads([1, -1, 1], word_ids=[0, 0, 1, 2])
    [2, 0, -1, 2]
    """
    first = _first_tokens(len(heads), word_ids)
    outside = next((w for w, head in enumerate(heads) if not -1 <= head < len(heads)), None)
    if outside is not None:
        raise ValueError(
            f"token_heads: the head of word {outside} is {heads[outside]}; heads are words, 0 to {len(heads) - 1}, or "
            "-1 for a root"
        )
    at = circular(torch.tensor(heads, dtype=torch.int64))
    if at is not None:
        raise ValueError(f"token_heads: word {at} is its own ancestor; a root's head is -1")
    top = next((token for token, word in enumerate(word_ids) if word is None), -1)
    found = []
    for token, word in enumerate(word_ids):
        if word is None:
            found.append(top if token != top else -1)
        elif token != first[word]:
            found.append(first[word])
        else:
            head = heads[word]
            while head >= 0 and head not in first:
                head = heads[head]
            found.append(first[head] if head >= 0 else top)
    return found


def token_labels(labels: Sequence[int], word_ids: WordIds) -> list[int]:
    """The label of each token, its word's; -1 for special tokens.

    >>> token_labels([7, -1], word_ids=[None, 0, 0, 1, None])
    [-1, 7, 7, -1, -1]
    """
    _first_tokens(len(labels), word_ids)
    return [-1 if word is None else labels[word] for word in word_ids]


def token_spans(spans: Sequence[tuple[int, int]], word_ids: WordIds) -> list[tuple[int, int]]:
    """Spans [start, stop) of words as spans of their tokens; one whose words have no token falls away.

    >>> token_spans([(0, 2), (2, 3)], word_ids=[None, 0, 0, 1, None])
    [(1, 4)]
    """
    wrong = next(((start, stop) for start, stop in spans if not 0 <= start < stop), None)
    if wrong is not None:
        raise ValueError(f"token_spans: expected 0 <= start < stop, got {wrong}; a span holds words up to before stop")
    found = []
    for start, stop in spans:
        inside = [token for token, word in enumerate(word_ids) if word is not None and start <= word < stop]
        if inside:
            found.append((inside[0], inside[-1] + 1))
    return found


def _first_tokens(words: int, word_ids: WordIds) -> dict[int, int]:
    """The first token of each word that has one."""
    first: dict[int, int] = {}
    for token, word in enumerate(word_ids):
        if word is not None:
            if not 0 <= word < words:
                raise ValueError(
                    f"word_ids: token {token} is of word {word}, and there are {words} words, 0 to {words - 1}"
                )
            first.setdefault(word, token)
    return first
