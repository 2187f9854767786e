"""Texts said step by step: ours beside generate() of Hugging Face's GPT-2, the same weights, greedy.

    python benchmarks/generation.py [--texts N ...] [--tokens N ...] [--rounds N] [--quick] [--threads N] [--save]

Prompts are of 5 to 60 tokens each; Hugging Face's stand in a rectangle, padded on the left, ours side by side. Ways
take turns, round after round. Before, both must have said the same first tokens.
"""

from collections.abc import Sequence
from typing import Any

import report
import torch
from language_models import Size, twins
from measure import Spread, in_turn
from progress import Progress
from torch import Tensor

from edgewise.generation import generate
from edgewise.models import Network

SIZE = Size(4000, places=2048)
SHORTEST, LONGEST = 5, 60  # tokens of a prompt
SAME = 5  # tokens that both must have said; later ones may part where two are as likely to seven digits
OURS, THEIRS = "edgewise", "Hugging Face"


def main() -> None:
    parser = report.parser(__doc__)
    parser.add_argument("--texts", type=int, nargs="+", default=[1, 8, 32], metavar="N", help="prompts at once")
    parser.add_argument("--tokens", type=int, nargs="+", default=[100, 1000], metavar="N", help="said of each")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--quick", action="store_true", help="few of all: it works, or it does not")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.quick:
        options.texts, options.tokens, options.rounds = [1, 3], [12], 3
    models = twins(SIZE)
    ours, theirs = (models["GPT-2", is_ours].eval() for is_ours in (True, False))
    settings = [(count, tokens) for count in options.texts for tokens in options.tokens]
    progress, rows = Progress(len(settings)), []
    for count, tokens in settings:
        progress.next(f"{count} texts, {tokens} tokens")
        rows += measured(ours, theirs, count, tokens, options.rounds)
    saved = {"header": report.header("transformers"), "size": vars(SIZE), "rows": rows}
    report.finish("generation", page(saved), options.save, saved)


def measured(ours: Network, theirs: Any, count: int, tokens: int, rounds: int) -> list[dict[str, Any]]:
    """A row for each: milliseconds a step, tokens a second, and its seconds over ours in the same round."""
    prompts = drawn(count)
    check(said(ours, prompts, SAME), said_by_hugging_face(theirs, prompts, SAME))
    calls = {
        OURS: [lambda: said(ours, prompts, tokens)],
        THEIRS: [lambda: said_by_hugging_face(theirs, prompts, tokens)],
    }
    taken = in_turn(calls, rounds, seconds=120.0)  # type: ignore[arg-type]
    (own,) = taken[OURS]
    found = []
    for name, (samples,) in taken.items():
        times = Spread.of([one / our for one, our in zip(samples, own, strict=False)])
        step = Spread.of(samples, 1e3 / tokens)
        assert times and step
        found.append({"texts": count, "tokens": tokens, "way": name, "ms": vars(step), "times": vars(times)})
    return found


def drawn(count: int) -> list[Tensor]:
    torch.manual_seed(count)
    lengths = torch.randint(SHORTEST, LONGEST + 1, (count,))
    return [torch.randint(1, SIZE.tokens, (int(length),)) for length in lengths]


def said(network: Network, prompts: Sequence[Tensor], tokens: int) -> list[list[int]]:
    return generate(network, prompts, max_tokens=tokens)


def said_by_hugging_face(model: Any, prompts: Sequence[Tensor], tokens: int) -> list[list[int]]:
    longest = max(map(len, prompts))
    rows = torch.zeros(len(prompts), longest, dtype=torch.int64)
    for row, prompt in zip(rows, prompts, strict=True):
        row[longest - len(prompt) :] = prompt
    mask = (rows > 0).long()
    all_of_it = model.generate(
        rows, attention_mask=mask, max_new_tokens=tokens, do_sample=False, eos_token_id=None, pad_token_id=0
    )
    new: list[list[int]] = all_of_it[:, longest:].tolist()
    return new


def check(ours: list[list[int]], theirs: list[list[int]]) -> None:
    """End the run where they do not say the same."""
    for number, (own, other) in enumerate(zip(ours, theirs, strict=True)):
        if own != other:
            raise SystemExit(f"text {number}: {own} is said by ours, {other} by Hugging Face's; no speed is reported")


def table(rows: list[dict[str, Any]]) -> str:
    cells = [
        [str(row["texts"]), f"{row['tokens']:,}", row["way"], Spread(**row["ms"]).written(2),
         f"{1e3 * row['texts'] / row['ms']['median']:,.0f}", Spread(**row["times"]).written(2)]
        for row in rows
    ]  # fmt: skip
    return report.table(["texts:", "tokens:", "way", "ms a step:", "tokens/s:", "times:"], cells)


def page(saved: dict[str, Any]) -> str:
    return "\n\n".join(
        [
            "# Texts said step by step",
            saved["header"],
            f"GPT-2's shape, {SIZE.num_layers} layers of {SIZE.dim} channels, {SIZE.num_heads} heads, "
            f"{SIZE.hidden} hidden, {SIZE.tokens:,} tokens known, random weights, float32, greedy; prompts of "
            f"{SHORTEST} to {LONGEST} tokens. Median, and in brackets the smallest and the largest; “times” is a way's "
            "seconds over ours in the same round.",
            table(saved["rows"]),
        ]
    )


if __name__ == "__main__":
    main()
