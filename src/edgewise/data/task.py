"""What a training loop asks of data, whatever the examples are."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from edgewise.data.answers import Answer
from edgewise.data.batch import Batch
from edgewise.data.learned import Learned
from edgewise.data.sampling import Sampling
from edgewise.data.share import Share
from edgewise.graph.structure.origin import Store


class Task(ABC):
    """Examples with targets in three parts, which come in batches.

    A task of your own is a `NodeTask`, a `LinkTask`, a `GraphTask` or a `MaskedTask`; another kind is a class with
    these methods.
    """

    name: str
    targets: Tensor  # a row an example
    train: Tensor  # Int64[Tensor, "train"], numbers of examples, and so on
    validation: Tensor
    test: Tensor
    answer: Answer
    notes: tuple[str, ...]
    encoders: Mapping[str, Any]
    learns: bool  # no: it is for a network that has learned; its examples are all in `test`, with targets or without
    ids: Mapping[str, Sequence[Any]]  # columns that say which example each is

    units: Mapping[str, Mapping[str, int]] = MappingProxyType({})  # of texts, by part
    example: str  # what an example is called: "node", "link", "graph"

    @abstractmethod
    def batches(self, part: str, size: int, shuffled: bool = False) -> Iterator[Batch]:
        """The examples of a part, at most `size` at a time (0: all at once), each once.

        Shuffled for training, by PyTorch's global stream: so who sets the stream (a loop, for every epoch) sets the
        order, and what is sampled.
        """

    def sampled(self, sampling: Sampling) -> "Task":
        """The same task, whose training steps hear a sample."""
        raise ValueError(
            f"training: sampling {type(sampling).__name__} is of the nodes or links of one graph, and {self.name} is a"
            f" {type(self).__name__}; leave sampling out, its batch_size is enough"
        )

    def shared(self, share: Share) -> "Task":
        """The same task, whose training steps are this share of each step's examples.

        All devices draw the order of a whole epoch, from streams that stand alike, and then take their share.
        """
        raise ValueError(
            f"training: {self.name} is a {type(self).__name__}, whose steps cannot be split over {share.devices}"
            " devices; set devices = 1"
        )

    def keep(self, store: Store) -> None:
        """Have what is measured on its graphs (positions) found in `store`, or made and put there."""
        raise ValueError(
            f"training: cache is of the positions in a NodeTask or a GraphTask, got a {type(self).__name__}"
        )

    def num_batches(self, part: str, size: int) -> int:
        """How many batches those are."""
        return -(-len(getattr(self, part)) // size) if size else 1

    def rows(self, batch: Batch) -> tuple[int, str]:
        """How many rows a network is to say of a batch, and of what, some of which may be asked about."""
        return len(batch.targets) if batch.asked is None else batch.num_nodes, f"{self.example}s"

    @abstractmethod
    def to(self, device: torch.device | str) -> "Task":
        """The same task with everything on `device`."""

    @abstractmethod
    def described(self) -> str:
        """Its sizes in a sentence, for the report."""

    @property
    def offered(self) -> dict[str, Any]:
        """What a model's page is told of the task, by the names of its parameters.

        Not `edge_dim` where edges bring nothing, so that a model's own default stands.
        """
        edges = {"edge_dim": self.num_edge_features} if self.num_edge_features else {}
        return {"in_dim": self.num_features, "out_dim": self.answer.out_dim, **edges}

    def longest(self) -> Batch | None:
        """The example that takes the most room, where a network may have too little for it."""
        return None

    @property
    def num_features(self) -> int:
        """How many features a node has; 0: it is a token."""
        return 0

    @property
    def num_edge_features(self) -> int:
        """How many features an edge has; 0: edges bring none."""
        return 0

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.answer.names

    @property
    def num_classes(self) -> int:
        return self.answer.out_dim

    def learned(self) -> Learned:
        """What other files are read by for a network that has learned from this task."""
        return Learned(self.answer, self.encoders)

    def asked(self, part: str) -> Tensor:
        """The targets of a part."""
        index: Tensor = getattr(self, part)
        return self.targets[index]
