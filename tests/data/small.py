"""A small data set behind every door: functions that write its files into a folder and give the door's options."""

import gzip
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from tests.data import written


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


def musae(folder: Path) -> dict[str, Any]:
    """Twelve pages of two types in a ring, one of which links to itself; page 5 has no words."""
    edges = [*((k, (k + 1) % 12) for k in range(12)), (3, 3), (1, 0)]
    (folder / "tiny_edges.csv").write_text("id_1,id_2\n" + "".join(f"{a},{b}\n" for a, b in edges))
    (folder / "tiny.json").write_text(json.dumps({k: [k % 3, 3] if k != 5 else [] for k in reversed(range(12))}))
    pages = "".join(f'{k},"Page {k}, the",{["shop", "school"][k % 2]}\n' for k in range(12))
    (folder / "tiny_target.csv").write_text("id,page_name,page_type\n" + pages)
    return {"folder": str(folder)}


def tables(folder: Path) -> dict[str, Any]:
    """Ten customers with an age, a town and a label; six friendships among them with a weight."""
    rows = [(f"c{k}", 20 + 3 * k, ["Ulm", "Köln"][k % 2], ["buys", "leaves"][k % 2]) for k in range(10)]
    (folder / "nodes.csv").write_text("id,age,town,label\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    friends = [(0, 1, 0.5), (1, 2, 1.5), (2, 3, 1.0), (4, 5, 2.0), (6, 7, 1.0), (9, 9, 3.0)]
    edges = "".join(f"c{a},c{b},{weight}\n" for a, b, weight in friends)
    (folder / "edges.csv").write_text("source,target,weight\n" + edges)
    return {"folder": str(folder)}


def tu(folder: Path) -> dict[str, Any]:
    """Twenty stars and rings of four to seven nodes, by turns; the middle of a star has a tag of its own."""
    lines = ["20"]
    for k in range(20):
        size = 4 + k // 2 % 4
        lines.append(f"{size} {-1 if k % 2 else 1}")
        for node in range(size):
            ring = sorted({(node - 1) % size, (node + 1) % size})
            heard = ring if k % 2 else [*range(1, size)] if node == 0 else [0]
            lines.append(" ".join(map(str, [0 if k % 2 or node else 2, len(heard), *heard])))
    (folder / "TINY.txt").write_text("\n".join(lines) + "\n")
    (folder / "10fold_idx").mkdir()
    for fold in range(10):
        test = [2 * fold, 2 * fold + 1]
        rest = [k for k in range(20) if k not in test]
        for part, numbers in (("test", test), ("train", rest)):
            text = "".join(f"{k}\n" for k in reversed(numbers))
            (folder / "10fold_idx" / f"{part}_idx-{fold + 1}.txt").write_text(text)
    return {"folder": str(folder)}


def molecules(folder: Path) -> dict[str, Any]:
    """Ten molecules of three scaffolds, with a boiling point made up, and whether they dissolve."""
    smiles = [
        "CCO",
        "CC(=O)O",
        "c1ccccc1",
        "Cc1ccccc1",
        "Oc1ccccc1",
        "C1CCCCC1",
        "CC1CCCCC1",
        "[Na+].[Cl-]",
        "N",
        "CC#N",
    ]
    rows = "".join(f"{text},{10.0 * k},{k % 2 if k != 4 else ''}\n" for k, text in enumerate(smiles))
    (folder / "tiny.csv").write_text("smiles,boils,dissolves\n" + rows)
    return {"folder": str(folder), "target": ("boils",)}


def wordnet(folder: Path) -> dict[str, Any]:
    """Thirty nouns, animals and plants by turns, each below the one before and made of the next; ten verbs."""
    lines = ["  1 This is a licence  \n"]
    for k in range(30):
        pointers = [("@", k - 1)] * (k > 0) + [("%p", k + 1)] * (k < 29) + [("+", 7)] * (k == 3)
        listed = "".join(f"{symbol} {100 + to:08} {'v' if symbol == '+' else 'n'} 0000 " for symbol, to in pointers)
        words = f"word{k % 2} word{k % 5}"
        lines.append(
            f'{100 + k:08} {5 if k % 2 else 20:02} n 02 one 0 two 0 {len(pointers):03} {listed}| {words}; "so"\n'
        )
    (folder / "data.noun").write_text("".join(lines))
    verbs = "".join(f"{100 + k:08} 29 v 01 go 0 000 01 + 02 00 | draw air\n" for k in range(10) if k != 7)
    related = f"{107:08} 29 v 01 breathe 0 001 + {103:08} n 0000 01 + 02 00 | draw air\n"
    (folder / "data.verb.gz").write_bytes(gzip.compress((lines[0] + related + verbs).encode()))
    for speech in ("adj", "adv"):
        (folder / f"data.{speech}").write_text(lines[0])
    return {"folder": str(folder)}


def texts(folder: Path) -> dict[str, Any]:
    """Twenty reviews, good and bad."""
    return {"folder": str(written.table(folder))}


def treebank(folder: Path) -> dict[str, Any]:
    """Ten sentences about dogs, the same."""
    return {"folder": str(written.trees(folder))}


def language(folder: Path) -> dict[str, Any]:
    """Six hundred characters of verse."""
    return {"folder": str(written.verse(folder))}


SMALL = {
    "cora": cora,
    "planetoid": planetoid,
    "musae": musae,
    "tables": tables,
    "tu": tu,
    "molecules": molecules,
    "wordnet": wordnet,
    "texts": texts,
    "treebank": treebank,
    "language": language,
}
