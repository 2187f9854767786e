"""A small data set behind every door: functions that write its files into a folder and give the door's options."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix


def planetoid(folder: Path) -> dict[str, Any]:
    """520 papers in two classes, joined to a ring with chords; three are labelled, six tested, one is missing."""
    rng = np.random.default_rng(0)
    nodes, before, tested = 520, 513, [519, 513, 515, 514, 518, 516]
    words = (rng.random((nodes, 5)) < 0.5).astype(np.float32)
    classes = np.eye(2, dtype=np.int32)[np.arange(nodes) % 2]
    graph = {i: [(i - 1) % nodes, (i + 1) % nodes, i] for i in range(nodes) if i != 517}
    contents = {
        "x": csr_matrix(words[:3]),
        "y": classes[:3],
        "allx": csr_matrix(words[:before]),
        "ally": classes[:before],
        "tx": csr_matrix(words[tested]),
        "ty": classes[tested],
        "graph": {i: [j for j in heard if j != 517] for i, heard in graph.items()},
    }
    for name, value in contents.items():
        (folder / f"ind.tiny.{name}").write_bytes(pickle.dumps(value, protocol=4))
    (folder / "ind.tiny.test.index").write_text("".join(f"{node}\n" for node in tested))
    return {"folder": str(folder)}


def cora(folder: Path) -> dict[str, Any]:
    """The one inside the package."""
    return {}


SMALL = {"cora": cora, "planetoid": planetoid}
