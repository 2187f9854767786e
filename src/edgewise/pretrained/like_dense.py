"""A mask that can be taken for the dense one: its attributes and operators are the tensor's."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor


class LikeDense(ABC):
    """Models edit the masks that they were given; one that does so gets the dense mask, made when it is asked for."""

    batch: int
    rows: int
    columns: int

    @abstractmethod
    def dense(self) -> Tensor:
        """The mask of eager attention: [batch, 1, rows, columns]."""

    @property
    def shape(self) -> torch.Size:
        """That of the dense mask, which is not made for it."""
        return torch.Size([self.batch, 1, self.rows, self.columns])

    @property
    def ndim(self) -> int:
        """4, as that of the dense mask."""
        return 4

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Itself: nothing is written into it, and graphs move to the device of the tensors that they meet."""
        return self

    clone = contiguous = detach = to

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__}: no attribute {name!r} of its own, and none of a mask")
        return getattr(self.dense(), name)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        args, kwargs = torch.utils._pytree.tree_map_only(cls, cls.dense, (args, kwargs or {}))
        return function(*args, **kwargs)

    def __len__(self) -> int:
        return self.batch

    def __getitem__(self, index: Any) -> Any:
        return self.dense()[index]

    def __add__(self, other: Any) -> Any:
        return self.dense() + other

    __radd__ = __add__

    def __mul__(self, other: Any) -> Any:
        return self.dense() * other

    def __eq__(self, other: object) -> Any:
        return self.dense() == other if isinstance(other, Tensor | int | float) else self is other

    def __lt__(self, other: Any) -> Any:
        return self.dense() < other

    def __gt__(self, other: Any) -> Any:
        return self.dense() > other

    def __ge__(self, other: Any) -> Any:
        return self.dense() >= other

    def __le__(self, other: Any) -> Any:
        return self.dense() <= other

    __hash__ = object.__hash__
