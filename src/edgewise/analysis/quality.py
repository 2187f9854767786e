"""How good a model of texts is, by what its head says: figures to set beside those of the model as it was."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from math import exp
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy

from edgewise.names import nearest
from edgewise.pretrained.open_model import Opened
from edgewise.pretrained.pooling import Pooling

Batch = dict[str, Any]


class Quality(ABC):
    """What is asked of a model, batch after batch; `scores` says what came of it."""

    def prepared(self, batch: Batch) -> Batch:
        """The batch as the model gets it."""
        return batch

    @abstractmethod
    def add(self, outputs: Any, batch: Batch) -> None:
        """Take in what the model says of a batch."""

    @abstractmethod
    def scores(self, original: "Quality | None") -> dict[str, float]:
        """The figures by name, beside those of the `original` model where this one is another."""


class Perplexity(Quality):
    """exp of the mean over tokens of -log p(token | those before it); the first of an example is not asked about."""

    def __init__(self) -> None:
        self.loss, self.count = 0.0, 0

    def add(self, outputs: Any, batch: Batch) -> None:
        """Take in the logits of a batch."""
        asked = batch["attention_mask"][:, 1:].bool()
        for logits, ids, some in zip(outputs.logits, batch["input_ids"], asked, strict=True):
            # A part at a time, as logits in float32 may be most of the memory there is.
            for said, next_ids in zip(logits[:-1][some].split(256), ids[1:][some].split(256), strict=True):
                self.loss += float(cross_entropy(said.float(), next_ids, reduction="sum"))
        self.count += int(asked.sum())

    def scores(self, original: Quality | None) -> dict[str, float]:
        """The perplexity per token."""
        return {"perplexity": exp(self.loss / max(self.count, 1))}


class Cosines(Quality):
    """cos(y_t, y°_t) of the vector of each text and the one that it had: the mean over texts, and the least."""

    def __init__(self, pooling: Pooling) -> None:
        self.pooling = pooling
        self.vectors: list[Tensor] = []

    def add(self, outputs: Any, batch: Batch) -> None:
        """Take in the states of a batch."""
        states = outputs["last_hidden_state"] if "last_hidden_state" in outputs else outputs["hidden_states"][-1]
        self.vectors.append(self.pooling(states, batch["attention_mask"]).float().cpu())

    def prepared(self, batch: Batch) -> Batch:
        """Models with a head are asked for their states too."""
        return {**batch, "output_hidden_states": True}

    def scores(self, original: Quality | None) -> dict[str, float]:
        """The mean and the least cosine."""
        theirs = self if original is None else original
        assert isinstance(theirs, Cosines)
        found = cosine_similarity(torch.cat(self.vectors), torch.cat(theirs.vectors))
        return {"cosine, mean": float(found.mean()), "cosine, least": float(found.min())}


class MaskedTokens(Quality):
    """The share of hidden tokens that are said rightly; 15 % of each example, drawn by a seed, become [MASK].

    What else is asked of the same pass is asked of texts with these tokens hidden.
    """

    def __init__(self, tokenizer: Any, share: float = 0.15, seed: int = 0) -> None:
        self.tokenizer, self.share = tokenizer, share
        self.random = torch.Generator().manual_seed(seed)
        self.right, self.count = 0, 0
        self._hidden = torch.empty(0, dtype=torch.bool)

    def prepared(self, batch: Batch) -> Batch:
        """The batch with tokens hidden."""
        ids = batch["input_ids"]
        draw = torch.rand(ids.shape, generator=self.random).to(ids.device)
        special = torch.tensor(self.tokenizer.all_special_ids, device=ids.device)
        ordinary = batch["attention_mask"].bool() & ~torch.isin(ids, special)
        self._hidden = ordinary & (draw < self.share)
        return {**batch, "input_ids": ids.masked_fill(self._hidden, self.tokenizer.mask_token_id)}

    def add(self, outputs: Any, batch: Batch) -> None:
        """Take in the logits of a batch."""
        self.right += int((outputs.logits.argmax(-1) == batch["input_ids"])[self._hidden].sum())
        self.count += int(self._hidden.sum())

    def scores(self, original: Quality | None) -> dict[str, float]:
        """The share said rightly."""
        return {"hidden tokens said rightly": self.right / max(self.count, 1)}


class Classes(Quality):
    """The share of examples whose likeliest class is that of the original model; and is their label, where given."""

    def __init__(self, labels: Sequence[int] | None) -> None:
        self.labels = None if labels is None else torch.tensor(labels)
        self.said: list[Tensor] = []

    def add(self, outputs: Any, batch: Batch) -> None:
        """Take in the logits of a batch, an example or a token a row."""
        said = outputs.logits.argmax(-1)
        self.said.append((said if said.dim() == 1 else said[batch["attention_mask"].bool()]).cpu())

    def scores(self, original: Quality | None) -> dict[str, float]:
        """The share that is as before, and the share that is right."""
        theirs, said = self if original is None else original, torch.cat(self.said)
        assert isinstance(theirs, Classes)
        found = {"classes as before": float((said == torch.cat(theirs.said)).float().mean())}
        right = {} if self.labels is None else {"accuracy": float((said == self.labels).float().mean())}
        return found | right


def qualities(opened: Opened, labels: Sequence[str] | None, pooling: Pooling) -> list[Quality]:
    """What to ask of this model: what its head is for, and of one that does not decode how far its vectors move."""
    opened.check_one_sequence()
    name = type(opened.model).__name__
    if labels is not None and not name.endswith("ForSequenceClassification"):
        raise ValueError(f"{opened.source}: {name} says no class of a text, so that labels have no use; leave them out")
    if opened.decodes:
        return [Perplexity()]
    found: list[Quality] = [Cosines(pooling)]
    if name.endswith("ForMaskedLM"):
        found.append(MaskedTokens(opened.tokenizer))
    if name.endswith(("ForSequenceClassification", "ForTokenClassification")):
        found.append(Classes(None if labels is None else numbered(labels, opened)))
    return found


def numbered(labels: Sequence[str], opened: Opened) -> list[int]:
    """Labels as the numbers of the model's classes, by their names in its config or as numbers."""
    known: Mapping[str, int] = opened.model.config.label2id or {}
    numbers = set(known.values())
    found = []
    for row, label in enumerate(labels):
        number = known.get(label, int(label) if label.isdigit() else -1)
        if number not in numbers:
            raise ValueError(f"row {row}: {opened.source} has no class {label!r}. {nearest(label, known)}")
        found.append(number)
    return found
