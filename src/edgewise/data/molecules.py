"""Molecules in a table, as SMILES, with what was measured of them: MoleculeNet's files, or your own."""

from pathlib import Path

from edgewise.data.folders import file_in
from edgewise.data.graph_task import GraphTask
from edgewise.data.learned import Learned
from edgewise.data.molecule import coded, graphs_of, parsed, scaffold
from edgewise.data.splits import SplitPart, drawn
from edgewise.data.table import Table
from edgewise.data.target_columns import TARGETS, standardised
from edgewise.names import lookup
from edgewise.part import Part

FILES = ("*.csv", "*.csv.gz", "*.parquet")


def molecules(
    *,
    folder: str | Path,
    target: tuple[str, ...],
    file: str = "",
    smiles: str = "smiles",
    task: str = "regression",
    bonds: bool = True,
    skip_unparsable: bool = False,
    split: SplitPart = "random",
    split_seed: int = 0,
    learned: Learned | None = None,
) -> GraphTask:
    """Say the `target` columns of molecules from their atoms and bonds, in the one table of the folder, or `file`.

    `task` is "regression" (a column a number, learned in deviations of the training part), "classification" (one
    column, a class a molecule) or "multi_label" (a column a label; an empty cell is unknown). Column `smiles` holds the
    molecules; a row that RDKit cannot read is an error unless `skip_unparsable`. `bonds` gives edges their features.
    The split "scaffold" keeps molecules of one scaffold together.

    Wu et al. 2018, MoleculeNet, https://arxiv.org/abs/1703.00564
    """
    table = Table.read(file_in(folder, [file] if file else FILES, "molecules"))
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
    targets_of = lookup(task, TARGETS, "task")
    if learned is None:
        targets, answer = targets_of(table, target)
        targets = targets[rows]
        parts = drawn(
            split,
            targets=targets,
            answer=answer,
            seed=split_seed,
            groups=lambda: [scaffold(molecule) for molecule in found],
        )
        answer = standardised(answer, targets, parts.train)
    else:
        targets, answer = learned.asked(table, target, targets_of)
        targets, parts = targets[rows], learned.split(len(rows))
    graphs, atoms, edges = graphs_of([coded(molecule) for molecule in found])
    skipped = f" {len(wrong)} rows that RDKit cannot read were left out ({wrong[0]} the first)." if wrong else ""
    return GraphTask(
        name=f"molecules {table.short_name.partition('.')[0]}",
        graphs=graphs,
        features=atoms,
        edges=edges if bonds else None,
        targets=targets,
        train=parts.train,
        validation=parts.validation,
        test=parts.test,
        answer=answer,
        notes=(
            f"{len(found)} molecules of {table.short_name}, {task} of {', '.join(target)}.{skipped}",
            f"The split is {Part.of(split)}, seed {split_seed}." if learned is None else "Nothing is learned from it.",
        ),
        learns=learned is None,
        ids={"row": rows, smiles: [texts[row] for row in rows]},
    )
