"""MUSAE: pages of Facebook or Wikipedia that like or link each other, with their words."""

import json
from pathlib import Path

import torch
from torch import Tensor

from edgewise.data.folders import file_in
from edgewise.data.learned import Learned
from edgewise.data.link_task import LINKS, LinkTask
from edgewise.data.node_task import NodeTask
from edgewise.data.sparse import sparse_table, worth_it
from edgewise.data.splits import SplitPart, drawn
from edgewise.data.table import Table
from edgewise.data.target_columns import TaskPart, column_targets, standardised
from edgewise.graph import Graph
from edgewise.part import Part


def musae(
    *,
    folder: str | Path,
    task: TaskPart = "classification",
    logarithm: bool = False,
    split: SplitPart = "random",
    split_seed: int = 0,
    learned: Learned | None = None,
) -> NodeTask | LinkTask:
    """Say what kind of page a page is, how many visit it, or which pages are linked, from words and neighbours.

    The files are NAME_edges.csv, NAME_target.csv, whose last column is asked for, and NAME.json or NAME_features.json,
    which lists the words of every page. Edges go both ways, each pair once; a page that links to itself hears itself.
    `task` is "classification", "regression" (with `logarithm` the number asked for is ln(1 + visits)) or "links", whose
    options are those of `link_task`: {name = "links", negatives_per_link = 1}.

    Rozemberczki et al. 2021, Multi-scale attributed node embedding, https://arxiv.org/abs/1909.13021
    """
    edges = file_in(folder, ["*_edges.csv"], "musae")
    name = edges.name.removesuffix("_edges.csv")
    pages = Table.read(file_in(folder, [f"{name}_target.csv"], "musae"))
    asked = column_targets(task)
    if logarithm and task != "regression":
        raise ValueError('musae: logarithm is of numbers; it goes with task = "regression"')
    ids = [int(number) for number in pages.numbers(pages.names[0])]
    graph = _graph(Table.read(edges), ids)
    known = None if learned is None else int(learned.encoders["words"]["known"])
    features, strange = _words(file_in(folder, [f"{name}.json", f"{name}_features.json"], "musae"), ids, known)
    origin = f"Pages of {name}; both directions of a link are edges. Rozemberczki et al. 2021 (MUSAE)."
    origin += f" {strange} of their words are unknown to training, and left out." if strange else ""
    encoders, nodes = {"words": {"known": features.shape[1]}}, {pages.names[0]: ids}
    if asked is None:
        links: LinkTask = Part.of(task).build(
            LINKS,
            "task",
            name=f"musae {name}",
            graph=graph,
            features=features,
            edges=None,
            directed=False,
            split=split,
            split_seed=split_seed,
            given=None,
            notes=(origin,),
            encoders=encoders,
            nodes=nodes,
            learned=learned,
        )
        return links
    if learned is None:
        targets, answer = asked(pages, pages.names[-1:])
        targets = targets.log1p() if logarithm else targets
        parts = drawn(split, targets=targets, answer=answer, seed=split_seed)
        answer, drawn_by = (
            standardised(answer, targets, parts.train),
            f"The split is {Part.of(split)}, seed {split_seed}.",
        )
    else:
        targets, answer = learned.asked(pages, pages.names[-1:], asked)
        targets = targets.log1p() if logarithm else targets
        parts, drawn_by = learned.split(len(ids)), "Nothing is learned from it."
    return NodeTask(
        name=f"musae {name}",
        graphs=graph,
        features=features,
        targets=targets,
        **parts._asdict(),
        answer=answer,
        notes=(origin, drawn_by),
        encoders=encoders,
        learns=learned is None,
        ids=nodes,
    )


def _graph(edges: Table, ids: list[int]) -> Graph:
    place = {number: row for row, number in enumerate(ids)}
    ends = []
    for column in edges.names[:2]:
        numbers = [int(number) for number in edges.numbers(column)]
        stranger = next((row for row, number in enumerate(numbers) if number not in place), None)
        if stranger is not None:
            raise ValueError(f"{edges.file}: row {stranger} names page {numbers[stranger]}, which has no target")
        ends.append(torch.tensor([place[number] for number in numbers], dtype=torch.int64))
    pairs = torch.cat([torch.stack(ends, 1), torch.stack(ends[::-1], 1)]).unique(dim=0)
    return Graph.from_edges(pairs[:, 0], pairs[:, 1], num_senders=len(ids))


def _words(file: Path, ids: list[int], known: int | None) -> tuple[Tensor, int]:
    """A column a word, those that are `known` to training where that is told; and how many words are not."""
    listed = json.loads(file.read_text(encoding="utf-8"))
    absent = next((number for number in ids if str(number) not in listed), None)
    if absent is not None:
        raise ValueError(f"{file}: it lists no words for page {absent}")
    rows = [listed[str(number)] for number in ids]
    width = 1 + max((max(words) for words in rows if words), default=0) if known is None else known
    owner = torch.repeat_interleave(torch.tensor([len(set(words)) for words in rows]))
    word = torch.tensor([word for words in rows for word in set(words)], dtype=torch.int64)
    here = word < width
    owner, word, strange = owner[here], word[here], int((~here).sum())
    return worth_it(sparse_table(owner, word, torch.ones(len(word)), (len(ids), width))), strange
