"""Texts as vectors, by a model of Hugging Face's."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.pretrained.open_model import Opened
from edgewise.pretrained.pooling import Pooling
from edgewise.pretrained.text_batches import text_batches


def embed(
    opened: Opened,
    texts: Sequence[str],
    pooling: Pooling,
    *,
    length: int,
    batch_size: int = 32,
    tell: Callable[[int, int], None] = lambda done, batches: None,
) -> Float[Tensor, "texts channels"]:
    """y_t = pooling of the states of the tokens of text t, by the model as it is, rewired or not.

    Texts of more than `length` tokens end there. Texts of like length go together, which changes no vector but for
    rounding. `tell` hears how many batches are done, and of how many.

    Args:
        opened: a model opened for its "states".
        texts: as many as there are to be vectors.
        pooling: what becomes of the states.
        length: tokens of a text at most.
        batch_size: texts at a time.

    Raises:
        ValueError: a model that reads a source and says a target.
    """
    opened.check_one_sequence()
    order = sorted(range(len(texts)), key=lambda text: len(texts[text]))
    batches = text_batches(
        opened.tokenizer, [texts[text] for text in order], length=length, size=batch_size, pieces=False
    ).batches
    device, found = next(opened.model.parameters()).device, []
    with torch.no_grad():
        for done, batch in enumerate(batches, start=1):
            there = {name: x.to(device) for name, x in batch.items()}
            states = opened.model(**there).last_hidden_state
            found.append(pooling(states, there["attention_mask"]).float().cpu())
            tell(done, len(batches))
    return torch.cat(found)[torch.tensor(order).argsort()]
