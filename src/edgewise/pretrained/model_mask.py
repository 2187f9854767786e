"""Masks that a model made by its own hand: a dense tensor, or none."""

from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from edgewise.extras import require
from edgewise.pretrained.own_mask import OwnMask

_read: Any = WeakIdKeyDictionary()  # what a tensor was read as, for the layers that follow


def mask_of(given: Any, batch: int, rows: int, columns: int, crossing: bool, query: Tensor) -> OwnMask:
    """The mask that an attention was handed, whatever it is; without one, every query hears every key."""
    if isinstance(given, OwnMask):
        return given.for_rows(rows)
    if given is None:
        masking = require("transformers.masking_utils", extra="text")
        return _mask(masking.bidirectional_mask_function, batch, rows, columns, crossing, query)
    if not isinstance(given, Tensor) or given.dim() != 4:
        shape = list(given.shape) if isinstance(given, Tensor) else type(given).__name__
        raise ValueError(
            f"rewire: the model hands its attention a mask that is no [batch, heads, queries, keys], {shape}; "
            "restore(model) puts its own attention back"
        )
    told = (batch, rows, columns, crossing, None if given.is_inference() else given._version)
    known, mask = _read.get(given, (None, None))
    if known != told or mask is None or given.is_inference():
        mask = _looked_at(given, batch, rows, columns, crossing, query)
        _read[given] = told, mask
    found: OwnMask = mask
    return found


def _looked_at(given: Tensor, batch: int, rows: int, columns: int, crossing: bool, query: Tensor) -> OwnMask:
    heard = pairs(given)
    if heard.shape[1] > 1 and not bool((heard == heard[:, :1]).all()):
        raise ValueError(
            "rewire: the model makes a mask of its own that differs from head to head; restore(model) puts its own "
            "attention back"
        )
    heard = heard[:, 0].expand(batch, rows if heard.shape[2] == 1 else -1, -1)
    start = 0 if crossing else max(0, columns - rows)

    def seen(example: Any, head: Any, row: Any, column: Any) -> Tensor:
        found: Tensor = heard[example, row - start, column]
        return found

    return _mask(seen, batch, rows, columns, crossing, query)


def pairs(mask: Tensor) -> Tensor:
    """Which pairs a dense mask lets through: true, or a number that is not the least that there is."""
    if mask.dtype == torch.bool:
        return mask
    return mask > torch.finfo(mask.dtype).min / 4


def bias_of(given: Any) -> Tensor | None:
    """What a dense mask adds to the logits of the pairs that it lets through; None where that is nothing."""
    if not isinstance(given, Tensor) or given.dtype == torch.bool:
        return None
    added = given.masked_fill(~pairs(given), 0.0)
    return added if bool(added.any()) else None


def _mask(function: Any, batch: int, rows: int, columns: int, crossing: bool, query: Tensor) -> OwnMask:
    return OwnMask(
        batch=batch,
        rows=rows,
        columns=columns,
        row_start=0 if crossing else max(0, columns - rows),
        column_start=0,
        function=function,
        padding=None,
        vmap=False,
        dtype=query.dtype,
        device=query.device,
        travels=False,
    )
