"""Molecules as SMILES, in a table with what was measured of them, or a line each: MoleculeNet's, ZINC's, your own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgewise.data.folders import file_in
from edgewise.data.graph_task import GraphTask
from edgewise.data.learned import Learned
from edgewise.data.masked_task import MASKED, MaskedTask
from edgewise.data.molecule import coded, graphs_of, kinds_of, parsed, scaffold
from edgewise.data.smiles_file import ENDINGS, read_smiles
from edgewise.data.splits import SplitPart, drawn
from edgewise.data.table import Table
from edgewise.data.target_columns import TaskPart, column_targets, standardised
from edgewise.part import Part

FILES = ("*.csv", "*.csv.gz", "*.parquet", *(f"*{ending}" for ending in ENDINGS))


def molecules(
    *,
    folder: str | Path,
    target: tuple[str, ...] = (),
    file: str = "",
    smiles: str = "smiles",
    task: TaskPart = "regression",
    bonds: bool = True,
    skip_unparsable: bool = False,
    split: SplitPart = "random",
    split_seed: int = 0,
    learned: Learned | None = None,
) -> GraphTask | MaskedTask:
    """Say the `target` columns of molecules from their atoms and bonds, in the one table of the folder, or `file`.

    `task` is "regression" (a column a number, learned in deviations of the training part), "classification" (one
    column, a class a molecule) or "multi_label" (a column a label; an empty cell is unknown). Or it is "masked", which
    asks for no column but for elements of hidden atoms and types of hidden bonds; its options are those of
    `masked_task`: {name = "masked", nodes = 0.15, edges = 0.15}.

    Column `smiles` holds the molecules; a file that ends in .smi or .txt has no columns, but a molecule a line. A row
    that RDKit cannot read is an error unless `skip_unparsable`. `bonds` gives edges their features. The split
    "scaffold" keeps molecules of one scaffold together.

    Wu et al. 2018, MoleculeNet, https://arxiv.org/abs/1703.00564
    """
    asked = column_targets(task, MASKED)
    there = file_in(folder, [file] if file else FILES, "molecules")
    table = read_smiles(there, smiles) if there.suffix in ENDINGS else Table.read(there)
    if asked is None and target:
        raise ValueError(f'{there}: task = "masked" asks for no column, got target {", ".join(target)}; leave it out')
    if asked is None and learned is not None:
        raise ValueError(
            f"{there}: what is hidden is of the molecules that were learned from; of others, nothing is asked"
        )
    texts = table.texts(smiles)
    made = [parsed(text) for text in texts]
    wrong = [row for row, molecule in enumerate(made) if molecule is None]
    if wrong and not skip_unparsable:
        raise ValueError(
            f"{table.file}: column {smiles!r} is to hold molecules, and RDKit cannot read"
            f" {texts[wrong[0]]!r} at row {wrong[0]} ({len(wrong)} such rows in all:"
            f" {', '.join(map(str, wrong[:8]))}{', ...' if len(wrong) > 8 else ''}); mend them, or skip_unparsable ="
            " true leaves them out"
        )
    rows = [row for row, molecule in enumerate(made) if molecule is not None]
    if not rows:
        raise ValueError(f"{table.file}: column {smiles!r} holds no molecule")
    found = [made[row] for row in rows]
    graphs, atoms, edges = graphs_of([coded(molecule) for molecule in found])
    name = f"molecules {table.short_name.partition('.')[0]}"
    ids: dict[str, Sequence[Any]] = {"row": rows, smiles: [texts[row] for row in rows]}
    skipped = f" {len(wrong)} rows that RDKit cannot read were left out ({wrong[0]} the first)." if wrong else ""

    def scaffolds() -> list[str]:
        return [scaffold(molecule) for molecule in found]

    if asked is None:
        masked: MaskedTask = Part.of(task).build(
            MASKED,
            "task",
            name=name,
            graphs=graphs,
            features=atoms,
            edge_features=edges if bonds else None,
            kinds=kinds_of(atoms, edges),
            split=split,
            split_seed=split_seed,
            groups=scaffolds,
            notes=(f"{len(found)} molecules of {table.short_name}; what is hidden of them.{skipped}",),
            ids=ids,
        )
        return masked
    if learned is None:
        targets, answer = asked(table, target)
        targets = targets[rows]
        parts = drawn(split, targets=targets, answer=answer, seed=split_seed, groups=scaffolds)
        answer = standardised(answer, targets, parts.train)
    else:
        targets, answer = learned.asked(table, target, asked)
        targets, parts = targets[rows], learned.split(len(rows))
    return GraphTask(
        name=name,
        graphs=graphs,
        features=atoms,
        edges=edges if bonds else None,
        targets=targets,
        **parts._asdict(),
        answer=answer,
        notes=(
            f"{len(found)} molecules of {table.short_name}, {Part.of(task).name} of {', '.join(target)}.{skipped}",
            f"The split is {Part.of(split)}, seed {split_seed}." if learned is None else "Nothing is learned from it.",
        ),
        learns=learned is None,
        ids=ids,
    )
