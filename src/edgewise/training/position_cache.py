"""Positions of nodes on disk: measured once for a graph, and read by every later run that asks."""

import hashlib
import warnings
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edgewise.data import Task
from edgewise.extras import require
from edgewise.graph import Graph
from edgewise.graph.structure.origin import Measure
from edgewise.training.atomic import write_bytes
from edgewise.training.config import TrainingConfig

_FORMAT = "1"  # another one where the same graph and options give other numbers


@dataclass(frozen=True)
class PositionCache:
    """A file for each graph and kind of position, named by the checksum of both; it holds a checksum of the numbers.

    What is not there, damaged, or of another graph is measured and written anew, whole or not at all. The last two, and
    a folder that cannot be written, are a warning.
    """

    folder: Path

    def __call__(self, graph: Graph, name: Hashable, measure: Measure) -> Tensor:
        asked = checksum(graph, name)
        kind = name[0] if isinstance(name, tuple) else name
        file = self.folder / f"{kind}-{asked[:16]}.safetensors"
        if file.exists():
            try:
                return _read(file, asked).to(graph.device)
            except (ValueError, OSError, require("safetensors", extra="train").SafetensorError) as error:
                warnings.warn(f"{file}: {error}; measured again", stacklevel=2)
        rows = measure(graph)
        kept = rows.detach().cpu().contiguous()
        about = {"of": asked, "rows": _digest(kept)}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_bytes(file, require("safetensors.torch", extra="train").save({"rows": kept}, metadata=about))
        except OSError as error:
            warnings.warn(f"{file}: it could not be written ({error}); the run goes on without it", stacklevel=2)
        return rows


def keep_positions(task: Task, config: TrainingConfig) -> None:
    """Have the positions on the graphs of `task` read from and written to the cache that `config` names."""
    if config.cache:
        task.keep(PositionCache(Path(config.cache)))


def checksum(graph: Graph, name: Hashable) -> str:
    """SHA-256 of the graph, what is measured, and the format."""
    found = hashlib.sha256(f"{_FORMAT} {name!r} {graph.num_senders} {torch.get_default_dtype()}".encode())
    for indices in (*graph.runs, graph.receiver_offsets, graph.sender_offsets):
        found.update(f" {indices.dtype} {len(indices)} ".encode())
        found.update(indices.cpu().contiguous().numpy().data)
    return found.hexdigest()


def _read(file: Path, asked: str) -> Tensor:
    opened: Any = require("safetensors", extra="train").safe_open
    with opened(str(file), framework="pt") as stored:
        about, rows = stored.metadata() or {}, stored.get_tensor("rows")
    if about.get("of") != asked:
        raise ValueError("it holds positions of another graph")
    if about.get("rows") != _digest(rows):
        raise ValueError("its numbers are damaged")
    return rows  # type: ignore[no-any-return]


def _digest(rows: Tensor) -> str:
    return hashlib.sha256(f"{rows.dtype} {list(rows.shape)} ".encode() + rows.numpy().tobytes()).hexdigest()
