"""Texts classified and words tagged by the built-in recipes: from nothing, and from a pretrained encoder.

    python benchmarks/texts.py --data FOLDER --minilm FOLDER [--only TEXT] [--seeds N] [--finished] [--threads N]
                               [--save]

--data holds sst2, reuters_r8 and ud_english_ewt; --minilm is MiniLM-L6's folder of Hugging Face's (config.json,
model.safetensors, tokenizer.json). A run is a seed, trained in a process of its own; the epoch is chosen by
validation, and the test part looked at once. Finished runs are kept in runs/literature and not trained again.
"""

import argparse
import gzip
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import report
import torch
from literature import FIGURES, RUNS, Row, numbers, place, summary, trained
from progress import Progress

SST2 = ('data.columns=["text", "label"]', *(f"data.{part}={file}.tsv" for part, file in (
    ("train", "train"), ("validation", "dev"), ("test", "test"))))  # fmt: skip
R8 = (
    *(
        'data.target=["Category"]',
        "data.text=Text",
        "data.train=train.tsv",
        "data.validation=0.1",
        "data.test=test.tsv",
    ),
    "data.max_tokens=128",
)
EWT = tuple(f"data.{part}=en_ewt-ud-{file}.conllu" for part, file in (
    ("train", "train"), ("validation", "dev"), ("test", "test")))  # fmt: skip
CHECKPOINT = ("model.folder={minilm}", "data.tokeniser.file={minilm}/tokenizer.json")

ROWS = (
    Row("SST-2", "sst2", "texts-encoder", "from nothing", SST2, None, runs=3, promised=0.79),
    Row("SST-2", "sst2", "texts-checkpoint", "MiniLM", (*SST2, *CHECKPOINT), None, runs=3, promised=0.88),
    Row(
        "SST-2", "sst2", "texts-checkpoint", "MiniLM, last 2 blocks",
        (*SST2, *CHECKPOINT, "model.learn=2"), None, runs=1,
    ),
    Row("Reuters R8", "reuters_r8", "texts-checkpoint", "MiniLM", (*R8, *CHECKPOINT), None, runs=1, promised=0.965),
    Row("UPOS of EWT", "ud_english_ewt", "treebank-encoder", "from nothing", EWT, None, runs=1, promised=0.91),
    Row(
        "UPOS of EWT", "ud_english_ewt", "treebank-checkpoint", "MiniLM", (*EWT, *CHECKPOINT), None, runs=1,
        promised=0.955,
    ),
    *(
        Row(
            "UPOS of EWT", "ud_english_ewt", "treebank-encoder", f"from nothing, {pattern}",
            (*EWT, f"model.pattern={pattern}"), None, runs=1,
        )
        for pattern in ("window(2, 2)", "tree()")
    ),
)  # fmt: skip


def main() -> int:
    options = arguments()
    torch.set_num_threads(options.threads)
    rows = [replace(row, changes=tuple(change.format(minilm=options.minilm) if change in CHECKPOINT else change
            for change in row.changes)) for row in ROWS]  # fmt: skip
    rows = [row for row in rows if not options.only or any(text in row.name for text in options.only)]
    plan = [(row, number) for row in rows for number in numbers(row, options.seeds)]
    if options.finished:
        plan = [(row, number) for row, number in plan if (place(row, False, number) / FIGURES).exists()]
    progress = Progress(len(plan))
    found: dict[str, list[dict[str, Any]]] = {}
    for row, number in plan:
        progress.next(f"{row.name}, {number}")
        data = tabbed(options.data / row.folder) if row.folder == "reuters_r8" else options.data
        found.setdefault(row.name, []).append(trained(row, False, number, data))
    told = [(row, summary(found[row.name])) for row in rows if row.name in found]
    saved = {
        "header": report.header("tokenizers", "lightning"),
        "rows": [{"data": row.data, "model": row.model, "promised": row.promised} | figures for row, figures in told],
    }
    report.finish("texts", page(told), options.save, saved)
    return 1 if any(row.kept(figures["test"][0]) is False for row, figures in told) else 0


def arguments() -> argparse.Namespace:
    parser = report.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    parser.add_argument("--minilm", type=Path, required=True, help="MiniLM-L6's folder of Hugging Face's")
    parser.add_argument("--only", action="append", metavar="TEXT", help="rows with this in their names; repeatable")
    parser.add_argument("--seeds", type=int, metavar="N", help="so many runs of each at most")
    parser.add_argument("--finished", action="store_true", help="the table of the runs that are there; train none")
    return parser.parse_args()


def tabbed(folder: Path) -> Path:
    """A folder that holds `reuters_r8` with train.tsv and test.tsv: Orange's tables with one header row of three."""
    made = RUNS / "data" / folder.name
    made.mkdir(parents=True, exist_ok=True)
    for part in ("train", "test"):
        with gzip.open(folder / f"reuters-r8-{part}.tab.gz", "rt", encoding="utf-8") as stream:
            header, _, _, *lines = stream.read().splitlines()
        (made / f"{part}.tsv").write_text("\n".join([header, *filter(None, lines)]) + "\n", encoding="utf-8")
    return made.parent


def page(rows: Sequence[tuple[Row, dict[str, Any]]]) -> str:
    cells = []
    for row, found in rows:
        shown = [f"{100 * x:.1f}" for x in found["test"]]
        test = " ± ".join(shown) if found["runs"] > 1 else shown[0]
        verdict = {None: "", True: "kept", False: "**not kept**"}[row.kept(found["test"][0])]
        promised = "–" if row.promised is None else f"≥ {100 * row.promised:.1f}"
        minutes = f"{found['ms'] * found['epochs'] / 60e3:.1f}"
        cells.append([row.data, row.model, str(found["runs"]), promised, test, minutes,
                      f"{found['memory'] / 1e9:.1f}", verdict])  # fmt: skip
    columns = ["data", "model", "runs:", "asked:", "test:", "minutes:", "GB:", ""]
    return "\n\n".join(
        [
            "# Texts: classes of sentences, tags of words",
            report.header("tokenizers", "lightning"),
            "Accuracy on the test part in %, mean ± standard deviation over seeds, the epoch chosen by validation. "
            "MiniLM is all-MiniLM-L6-v2, fine-tuned whole unless it says otherwise. Minutes: of training and looks at "
            "the validation part, by the quickest epoch. Gigabytes: the most that the process held.",
            report.table(columns, cells),
            "What is changed in the recipe:",
            "\n".join(
                f"- {row.name}, `{row.recipe}`: `{' '.join(c for c in row.changes if 'tokenizer.json' not in c)}`"
                for row, _ in rows
            ),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
