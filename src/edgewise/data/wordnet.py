"""WordNet: synsets, their glosses, and the pointers between them."""

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from edgewise.data.answers import Classes
from edgewise.data.encoders import EncoderPart, encoded
from edgewise.data.features import NORMALISERS
from edgewise.data.folders import file_in
from edgewise.data.node_task import NodeTask
from edgewise.data.splits import SplitPart, drawn
from edgewise.data.table import Table
from edgewise.graph import Graph
from edgewise.names import lookup, nearest
from edgewise.part import Part

SPEECH = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}  # parts of speech, as files and as pointers call them

POINTERS = {
    "!": "antonym",
    "#m": "member holonym",
    "#p": "part holonym",
    "#s": "substance holonym",
    "$": "verb group",
    "%m": "member meronym",
    "%p": "part meronym",
    "%s": "substance meronym",
    "&": "similar to",
    "*": "entailment",
    "+": "derivationally related form",
    "-c": "member of this topic",
    "-r": "member of this region",
    "-u": "member of this usage",
    ";c": "topic",
    ";r": "region",
    ";u": "usage",
    "<": "participle of verb",
    "=": "attribute",
    ">": "cause",
    "@": "hypernym",
    "@i": "instance hypernym",
    "\\": "pertainym",
    "^": "also see",
    "~": "hyponym",
    "~i": "instance hyponym",
}

TELLING = ("@", "@i", "~", "~i", "&", "\\", "<")
"""Pointers that give the lexicographer file away. Files were cut along the hierarchy of hypernyms: 95 % of `@`, `~` and
96 % of `@i`, `~i` join synsets of one file. The others need no neighbour: only adj.all has a `&`, all but three `\\` go
out from adj.pert and adv.all, and every `<` goes out from adj.ppl."""

_NAMES = """
adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute noun.body
noun.cognition noun.communication noun.event noun.feeling noun.food noun.group noun.location noun.motive
noun.object noun.person noun.phenomenon noun.plant noun.possession noun.process noun.quantity noun.relation
noun.shape noun.state noun.substance noun.time verb.body verb.change verb.cognition verb.communication
verb.competition verb.consumption verb.contact verb.creation verb.emotion verb.motion verb.perception
verb.possession verb.social verb.stative verb.weather adj.ppl
"""

HEARD = tuple(symbol for symbol in POINTERS if symbol not in TELLING)

FILES = tuple(_NAMES.split())
"""The lexicographer files by number, as the manual page lexnames(5WN) lists them."""


class Synset(NamedTuple):
    """One line of a data file."""

    id: tuple[str, int]  # part of speech and offset
    file: int  # number of the lexicographer file
    gloss: str
    pointers: list[tuple[str, tuple[str, int]]]  # symbol and id


def wordnet(
    *,
    folder: str | Path,
    speech: tuple[str, ...] = tuple(SPEECH),
    pointers: tuple[str, ...] = HEARD,
    gloss: EncoderPart = "words",
    normalise: str = "row",
    split: SplitPart = "random",
    split_seed: int = 0,
) -> NodeTask:
    """Say which lexicographer file (noun.animal, verb.motion, …) a synset is in, from its gloss and its neighbours.

    The files are data.noun, data.verb, data.adj and data.adv, as published or gzipped; `speech` names those to read.
    Two synsets hear each other where one points to the other by a symbol in `pointers`: all of `POINTERS` but those
    that give the answer away (`TELLING`). `gloss` is an encoder in ENCODERS for the definition with its examples, which
    learns its vocabulary from the training part; `normalise`, a name in NORMALISERS, is done to what it gives.

    Miller 1995, WordNet: a lexical database for English, https://doi.org/10.1145/219717.219748
    """
    for name in speech:
        lookup(name, SPEECH, "part of speech")
    for symbol in pointers:
        if symbol not in POINTERS:
            raise ValueError(f"wordnet: unknown pointer {symbol!r}. {nearest(symbol, POINTERS)}")
    if not speech:
        raise ValueError(f"wordnet: speech names no part of speech; known: {', '.join(SPEECH)}")
    synsets = [synset for name in speech for synset in _synsets(_file(folder, name), name)]
    number = sorted({synset.file for synset in synsets})
    answer = Classes(tuple(FILES[k] for k in number))
    targets = torch.tensor([number.index(synset.file) for synset in synsets], dtype=torch.int64)
    parts = drawn(split, targets=targets, answer=answer, seed=split_seed)
    glosses = Table.of("wordnet", {"gloss": [synset.gloss for synset in synsets]})
    x, state = encoded(glosses, {"gloss": gloss}, parts.train.tolist())
    graph = _graph(synsets, set(pointers), {SPEECH[name] for name in speech})
    left_out = [symbol for symbol in POINTERS if symbol not in pointers]
    return NodeTask(
        name="wordnet",
        graphs=graph,
        features=lookup(normalise, NORMALISERS, "normalise")(x),
        targets=targets,
        **parts._asdict(),
        answer=answer,
        notes=(
            f"Synsets of WordNet ({', '.join(speech)}); the ends of a pointer hear each other. Miller 1995.",
            f"Pointers left out: {' '.join(left_out) or 'none'}. Of these {' '.join(TELLING)} give the answer away.",
            f"The split is {Part.of(split)}, seed {split_seed}.",
        ),
        encoders={"nodes": state},
    )


def _file(folder: str | Path, speech: str) -> Path:
    return file_in(folder, [f"data.{speech}", f"data.{speech}.gz"], "wordnet")


def _synsets(file: Path, speech: str) -> Iterator[Synset]:
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="latin-1") as lines:
        for row, line in enumerate(lines, 1):
            if line.startswith("  "):  # the licence
                continue
            try:
                yield _synset(line, SPEECH[speech])
            except (ValueError, IndexError) as error:
                raise ValueError(
                    f"{file}: line {row} is to be a synset as wndb(5WN) has it, got {line[:60]!r} ({error})"
                ) from error


def _synset(line: str, speech: str) -> Synset:
    """Offset, file, kind, words with their numbers, pointers of four fields each, and the gloss behind a bar."""
    data, _, gloss = line.partition("|")
    fields = data.split()
    at = 4 + 2 * int(fields[3], 16)
    pointers = []
    for k in range(at + 1, at + 1 + 4 * int(fields[at]), 4):
        symbol, offset, kind = fields[k], fields[k + 1], fields[k + 2]
        pointers.append((symbol, ("a" if kind == "s" else kind, int(offset))))
    if not 0 <= int(fields[1]) < len(FILES):
        raise ValueError(f"there is no lexicographer file {fields[1]}")
    return Synset((speech, int(fields[0])), int(fields[1]), gloss.strip(), pointers)


def _graph(synsets: Sequence[Synset], symbols: set[str], speech: set[str]) -> Graph:
    place = {synset.id: row for row, synset in enumerate(synsets)}
    ends: list[tuple[int, int]] = []
    for row, synset in enumerate(synsets):
        for symbol, other in synset.pointers:
            if symbol not in symbols or other[0] not in speech:
                continue
            if other not in place:
                raise ValueError(f"wordnet: synset {synset.id} points to {other} by {symbol!r}, which is not there")
            ends.append((row, place[other]))
    pairs: Tensor = torch.tensor(ends, dtype=torch.int64).reshape(-1, 2)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    both = torch.cat([pairs, pairs.flip(1)]).unique(dim=0)
    return Graph.from_edges(both[:, 0], both[:, 1], num_senders=len(synsets))
