"""Which weights decay: a choice of those that learn."""

from collections.abc import Callable

from torch import nn
from torch.nn import Module, Parameter

LISTS = (nn.Embedding, nn.EmbeddingBag, nn.LayerNorm, nn.RMSNorm)  # whose weights are no matrices, whatever their shape


def learned(network: Module) -> list[Parameter]:
    """The weights that learn, each once: a frozen one, `requires_grad` False, is none of the optimiser's."""
    return [weight for weight in network.parameters() if weight.requires_grad]


def matrices(network: Module) -> list[Parameter]:
    """Those of two or more dimensions that multiply states: no embedding's, no norm's, no bias.

    A matrix that is tied to an embedding is the embedding's.

    >>> [list(weight.shape) for weight in matrices(nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 2)))]
    [[2, 3]]

    As minGPT chooses, https://github.com/karpathy/minGPT; nanoGPT's embeddings decay as well.
    """
    listed = {
        id(weight)
        for module in network.modules()
        if isinstance(module, LISTS)
        for weight in module.parameters(recurse=False)
    }
    return [weight for weight in learned(network) if weight.dim() >= 2 and id(weight) not in listed]


DECAYED: dict[str, Callable[[Module], list[Parameter]]] = {"all": learned, "matrices": matrices}
