"""Texts in a table with what is to be said of each: sentiment, topic, a number."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from edgewise.data.learned import Learned
from edgewise.data.splits import SplitPart, drawn
from edgewise.data.table import Table
from edgewise.data.target_columns import TaskPart, column_targets, standardised
from edgewise.data.text_parts import PartFiles
from edgewise.data.text_tables import TABLES, read_text_table
from edgewise.data.text_task import TextTask
from edgewise.data.tokenisers import Tokeniser, TokeniserPart
from edgewise.part import Part


def labelled_texts(
    *,
    folder: str | Path,
    target: tuple[str, ...] = ("label",),
    text: str = "text",
    file: str = "",
    train: str = "",
    validation: str | float = "",
    test: str = "",
    columns: tuple[str, ...] = (),
    task: TaskPart = "classification",
    tokeniser: TokeniserPart = "wordpiece",
    max_tokens: int = 0,
    split: SplitPart = "random",
    split_seed: int = 0,
    learned: Learned | None = None,
) -> TextTask:
    """Say the `target` columns of texts from their tokens, in the one table of the folder, `file`, or a table a part.

    Tables are .csv, .tsv, .parquet or .jsonl, or folders that `save_to_disk` of Hugging Face's `datasets` wrote, such
    as train/ in a saved DatasetDict; `columns` name those of a file without a header. `validation` may be a share of
    the rows of `train`. `task` is "classification" (one column, a class a text), "multi_label" or "regression", as in
    `molecules`. The tokeniser, a name in TOKENISERS or a table with its options, learns from the train part alone; of
    a longer text the first `max_tokens` are kept (0: all). A row without a text is an error; without a target it is
    left out.
    """
    asked = column_targets(task, {})
    assert asked is not None  # there are no others
    files = PartFiles(Path(folder), file, train, validation, test, split_seed)
    if learned is not None:
        files = files._replace(train="", validation="", test="")
    parts, given = files.read(lambda place: read_text_table(place, columns), TABLES, "texts")
    table = Table.joined(parts)
    if not len(table):
        raise ValueError(f"{table.file}: there is no row in it")
    rows = written(table, text)
    if learned is None:
        targets, answer = asked(table, target)
        own = files.split([len(part) for part in parts]) if given else None
        found = drawn("given" if given else split, targets=targets, answer=answer, seed=split_seed, given=own)
        answer = standardised(answer, targets, found.train)
        cut = Tokeniser.made(tokeniser, [rows[k] for k in found.train.tolist()], max_tokens)
    else:
        targets, answer = learned.asked(table, target, asked)
        found, cut = learned.split(len(rows)), Tokeniser.of(learned.encoders["tokeniser"])
    tokens = [torch.tensor(ids) for ids in cut.ids(rows)]
    empty = next((row for row, ids in enumerate(tokens) if not len(ids)), None)
    if empty is not None:
        raise ValueError(f"{table.file}: the text in row {empty}, {rows[empty]!r}, has no token; leave the row out")
    short = table.short_name if len(parts) == 1 else ", ".join(Path(part.file).name for part in parts)
    return TextTask(
        name=f"texts {short.partition('.')[0]}",
        texts=tokens,
        targets=targets,
        **found._asdict(),
        answer=answer,
        tokens=len(cut),
        notes=(
            f"{len(rows)} texts of {short}, {Part.of(task).name} of {', '.join(target)}.",
            cut_by(tokeniser, cut, tokens),
            f"The split is {'that of the files' if given else Part.of(split)}, seed {split_seed}."
            if learned is None
            else "Nothing is learned from it.",
        ),
        encoders={"tokeniser": cut.as_table()},
        learns=learned is None,
        ids={"row": range(len(rows)), text: rows},
    )


def written(table: Table, column: str) -> list[str]:
    """The texts of a column, refused where one is missing."""
    cells = table.texts(column)
    empty = next((row for row, cell in enumerate(cells) if cell is None or not cell.strip()), None)
    if empty is not None:
        raise ValueError(f"{table.file}: column {column!r} is empty in row {empty}; leave the row out, or fill it")
    return [str(cell) for cell in cells]


def cut_by(part: TokeniserPart, cut: Tokeniser, tokens: Sequence[Any]) -> str:
    """A sentence on how texts became tokens, and whether they are whole."""
    most = max(map(len, tokens))
    full = sum(len(ids) == cut.max_tokens for ids in tokens) if cut.max_tokens else 0
    told = f", of which the first {cut.max_tokens} are kept: {full} texts have so many" if full else ""
    return f"Tokens by {Part.of(part)}, {len(cut)} different ones; the longest text has {most}{told}."
