"""TU sets: molecules and proteins as graphs of tagged nodes, in the text format of DGCNN, with ten folds."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from edgewise.data.answers import Answer, Classes
from edgewise.data.folders import file_in
from edgewise.data.graph_task import GraphTask
from edgewise.data.learned import Learned
from edgewise.data.splits import Split, SplitPart, drawn
from edgewise.graph import Graph
from edgewise.part import Part

FOLDS = 10


def tu(
    *,
    folder: str | Path,
    file: str = "*.txt",
    fold: int = 1,
    validation: float = 0.1,
    split: SplitPart = "given",
    split_seed: int = 0,
    learned: Learned | None = None,
) -> GraphTask:
    """Say the class of a graph from the tags of its nodes and who is joined to whom.

    The file begins with the number of graphs; a graph is a line `nodes class`, then a line a node: `tag count
    neighbours...`, and after these its attributes, if there are some. A node's features are its tag, one-hot, and its
    attributes. The split "given" tests on fold 1 to 10 of `10fold_idx`, and takes a share `validation` of the other
    nine, drawn by `split_seed`, to choose the epoch by; what is left is for training.

    Morris et al. 2020, TUDataset, https://arxiv.org/abs/2007.08663; files and folds of Zhang et al. 2018 (DGCNN).
    """
    found = file_in(folder, [file], "tu")
    graphs: list[Graph] = []
    tags, attributes, classes = [], [], []
    lines = iter(enumerate(found.read_text(encoding="ascii").splitlines(), start=1))
    (count,) = _numbers(found, lines)
    for _ in range(int(count)):
        size, label = _numbers(found, lines, 2)
        ends: list[tuple[int, int]] = []
        for node in range(int(size)):
            tag, degree, *rest = _numbers(found, lines)
            neighbours, more = rest[: int(degree)], rest[int(degree) :]
            if len(neighbours) < degree or not all(0 <= other < size for other in neighbours):
                raise ValueError(
                    f"{found}: node {node} of graph {len(graphs)} is to have {degree:.0f} neighbours from 0 to"
                    f" {size - 1:.0f}, got {', '.join(f'{other:.0f}' for other in neighbours) or 'none'}"
                )
            ends += [(int(other), node) for other in neighbours]
            tags.append(int(tag))
            attributes.append(more)
        edges = torch.tensor(ends, dtype=torch.int64).reshape(-1, 2).unique(dim=0)
        graphs.append(Graph.from_edges(edges[:, 0], edges[:, 1], num_senders=int(size)))
        classes.append(int(label))
    names = sorted(set(classes))
    targets = torch.tensor([names.index(label) for label in classes])
    answer: Answer = Classes(tuple(str(name) for name in names))
    own, kinds = None, sorted(set(tags))
    if learned is None:
        if Part.of(split).name == "given":
            own = _fold(found.parent / "10fold_idx", fold, validation, split_seed)
        parts = drawn(split, targets=targets, answer=answer, seed=split_seed, given=own)
    else:
        targets, answer = learned.renamed(targets, answer, f"{found}: it")
        parts, kinds = learned.split(len(graphs)), list(learned.encoders["nodes"]["tags"])
        stranger = next((tag for tag in tags if tag not in kinds), None)
        if stranger is not None:
            raise ValueError(
                f"{found}: a node has the tag {stranger}, which training has never seen; it saw"
                f" {', '.join(map(str, kinds))}"
            )
    tagged = torch.nn.functional.one_hot(torch.tensor([kinds.index(tag) for tag in tags]), len(kinds)).float()
    features = torch.cat([tagged, torch.tensor(attributes, dtype=torch.float32).reshape(len(tags), -1)], dim=1)
    return GraphTask(
        name=f"tu {found.stem}",
        graphs=graphs,
        features=features.split([graph.num_receivers for graph in graphs]),
        targets=targets,
        **parts._asdict(),
        answer=answer,
        notes=(
            f"{len(kinds)} node tags, one-hot. TUDataset (Morris et al. 2020).",
            "Nothing is learned from it."
            if learned is not None
            else f"Tested on fold {fold} of {FOLDS}; of the rest a share {validation} drawn by seed {split_seed} is for"
            " validation. One fold is no result: the literature reports the mean over all ten."
            if own is not None
            else f"The split is {Part.of(split)}, seed {split_seed}; it is **not** one of the ten folds.",
        ),
        encoders={"nodes": {"tags": kinds}},
        learns=learned is None,
    )


def _numbers(file: Path, lines: Iterator[tuple[int, str]], exactly: int = 0) -> list[float]:
    """The numbers of the next line."""
    number, line = next(lines, (0, ""))
    try:
        values = [float(word) for word in line.split()]
    except ValueError:
        values = []
    if not values or (exactly and len(values) != exactly):
        where = f"line {number}" if number else "its end"
        raise ValueError(f"{file}: expected {exactly or 'some'} numbers at {where}, got {line!r}")
    return values


def _fold(folder: Path, fold: int, validation: float, seed: int) -> Split:
    if not 1 <= fold <= FOLDS:
        raise ValueError(f"tu: fold must be from 1 to {FOLDS}, got {fold}")
    if not 0 < validation < 1:
        raise ValueError(f"tu: validation is a share of what is not tested, between 0 and 1, got {validation}")
    test, rest = (_index(folder, f"{part}_idx-{fold}.txt") for part in ("test", "train"))
    order = rest[torch.randperm(len(rest), generator=torch.Generator().manual_seed(seed))]
    chosen, learned = order.tensor_split([max(1, round(validation * len(rest)))])
    return Split(learned.sort().values, chosen.sort().values, test.sort().values)


def _index(folder: Path, name: str) -> Tensor:
    lines = file_in(folder, [name], "tu").read_text(encoding="ascii").split()
    return torch.tensor([int(line) for line in lines])
