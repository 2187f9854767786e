"""What the tests of compiled kernels share: instruction sets, cut rows, and how large a tensor is ever made."""

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from edgewise import native
from edgewise.graph import Graph

LEVELS = ["baseline", "x86-64-v3", "x86-64-v4"]


def run_here(level: str) -> bool:
    here = native.module().cpu_level()
    return level == "baseline" or (here in LEVELS and LEVELS.index(level) <= LEVELS.index(here))


def fresh(graph: Graph) -> Graph:
    """The same graph, of which nothing is remembered."""
    return Graph(
        *graph.runs,
        num_senders=graph.num_senders,
        receiver_offsets=graph.receiver_offsets,
        sender_offsets=graph.sender_offsets,
    )


class Largest(TorchDispatchMode):
    """How many numbers the largest tensor has that any PyTorch operation hands out meanwhile."""

    numel = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        self.numel = max([self.numel, *(x.numel() for x in tree_leaves(out) if isinstance(x, Tensor))])
        return out
