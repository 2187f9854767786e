"""A decoder on tiny Shakespeare: nats a character on the last tenth, by the recipe language-decoder.

    python benchmarks/language.py --data FOLDER [--threads N] [--save]

FOLDER holds tinyshakespeare. Two sittings: the second begins with the weights of the first, and lets the learning rate
rise and fall once more (Loshchilov & Hutter 2017). Nothing is chosen by the test part: it is looked at after each. A
sitting that is finished is kept in runs/language and not trained again; one that was cut off goes on.
"""

import argparse
import sys
from pathlib import Path

import report
import torch
from progress import Progress

from edgewise.cli.builtin import find
from edgewise.training import Recipe, Trained, evaluate, metrics, run

RUNS = Path("runs/language")
PROMISED = 1.55
COMMON = (
    *("data.length=1024", "data.context=512", "data.split.train=0.897", "data.split.validation=0.003"),
    "model.dropout=0.2",
)
SITTINGS = {
    "first": ("training.epochs=12",),
    "second": (
        *("training.epochs=9", "training.learning_rate=1.5e-3", "training.warm_up=0.2", "training.seed=1"),
        f"training.start={RUNS / 'first'}",
    ),
}


def main() -> int:
    options = arguments()
    torch.set_num_threads(options.threads)
    progress, rows, seconds = Progress(len(SITTINGS)), [], 0.0
    for name, changes in SITTINGS.items():
        progress.next(name)
        folder = RUNS / name
        if not (folder / "report.md").exists():
            changes = (f"data.folder={options.data / 'tinyshakespeare'}", *COMMON, *changes)
            run(Recipe.read(find("language-decoder"), changes), folder, resume=True)
        epochs = metrics.read(folder)
        seconds += epochs[-1].seconds
        found = evaluate(Trained.open(folder), parts=["test"]).parts["test"]
        told = [f"{found.scores['bits_per_character']:.3f}", f"{found.scores['perplexity_per_word']:.0f}"]
        rows.append([name, str(len(epochs)), f"{epochs[-1].train_loss:.3f}", f"{found.loss:.4f}", *told,
                     f"{seconds / 60:.0f}"])  # fmt: skip
        last = found.loss
    columns = ["sitting", "epochs:", "training, nats:", "test, nats a character:", "bits:", "perplexity a word:",
               "minutes so far:"]  # fmt: skip
    parts = [
        "# Tiny Shakespeare, character by character",
        report.header("tokenizers", "lightning"),
        "The last tenth of the text, each character said from at least 512 before it. Trained on all before it but"
        " 0.3 % of validation, by whose loss the epoch is chosen. Training nats are with dropout. Minutes: of training"
        " and validation, on a machine whose other core, and now and then this one, did other work.",
        report.table(columns, rows),
        f"Asked: at most {PROMISED} nats a character: {'kept' if last <= PROMISED else '**not kept**'}.",
        f"What is changed in the recipe `language-decoder`: `{' '.join(COMMON)}`; in the second sitting"
        f" `{' '.join(SITTINGS['second'])}`.",
    ]
    report.finish("language", "\n\n".join(parts), options.save, {"header": report.header("lightning"), "rows": rows})
    return 0 if last <= PROMISED else 1


def arguments() -> argparse.Namespace:
    parser = report.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds tinyshakespeare")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
