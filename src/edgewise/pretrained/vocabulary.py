"""Whether texts are cut into the tokens that a checkpoint has learned."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def check_vocabulary(tokenizer: Mapping[str, Any], folder: Path) -> None:
    """Refuse tokens that the checkpoint's own tokeniser numbers otherwise: their vectors would be those of others.

    Args:
        tokenizer: what a tokenizer.json holds.
        folder: of the checkpoint; with neither tokenizer.json nor vocab.txt in it there is nothing to hold it against.
    """
    place = next((folder / name for name in ("tokenizer.json", "vocab.txt") if (folder / name).is_file()), None)
    if place is None:
        return
    text = place.read_text(encoding="utf-8")
    lines = ((token, number) for number, token in enumerate(text.removesuffix("\n").split("\n")))
    theirs = dict(_numbered(json.loads(text)) if place.suffix == ".json" else lines)
    for token, number in _numbered(tokenizer):
        if theirs.get(token) != number:
            known = f"number {theirs[token]}" if token in theirs else "none of its tokens"
            raise ValueError(
                f"checkpoint: the tokeniser of the data has {token!r} as number {number}, and in {place} it is "
                f'{known}; take its own, tokeniser = {{name = "file", file = ".../tokenizer.json"}}'
            )


def _numbered(tokenizer: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Each token of a tokenizer.json with its number: of the model, then those that were added."""
    vocabulary = tokenizer["model"].get("vocab", {})
    if isinstance(vocabulary, Mapping):
        yield from vocabulary.items()
    else:  # Unigram has a list of tokens and scores
        yield from ((token, number) for number, (token, _) in enumerate(vocabulary))
    yield from ((added["content"], added["id"]) for added in tokenizer.get("added_tokens", ()))
