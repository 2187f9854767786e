"""Training throughput in real tokens a second: our decoders beside torch.nn.TransformerEncoder and GPT-2, on sentences.

    python benchmarks/throughput.py --data FOLDER [--tokens N] [--orders random sorted] [--dropout P ...] [--rounds N]
                                    [--quick] [--threads N] [--save]

FOLDER holds ud_english_ewt, whose train part is cut into tokens by our bpe. A step is forward, backward and AdamW; its
loss is of the next token, over real tokens alone. All have the same weights at first and the same sentences a step, and
take turns, round after round, each round on another batch. Before, their losses and gradients are held against each
other. Quartiles are over rounds; "times" is a peer's seconds over ours in the same round.
"""

import argparse
import copy
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import report
import torch
from apart import apart, size
from language_models import WAYS, Size, Way, products, twins
from measure import sample
from progress import Progress
from sentences import ORDERS, Sentences, batches, tokenised
from torch import Tensor, nn

GOALS = {"random": 2.0, "sorted": 1.1}  # times as many tokens a second as each peer's best
NEAR = 1e-4  # how far losses and gradients may be apart, float32
FLOOR = "products with weights alone"
Step = Callable[[Sentences], object]


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    file = options.data / "ud_english_ewt" / "en_ewt-ud-train.conllu"
    texts, vocabulary = tokenised(file, 1000 if options.quick else 4000)
    common = Size(vocabulary, places=max(map(len, texts)))
    if options.quick:
        common = replace(common, dim=64, num_layers=2, hidden=256, num_heads=4)
    check(common, batches(texts, options.tokens, "random")[0])
    settings = [(order, dropout) for dropout in options.dropout for order in options.orders]
    progress, rows = Progress(len(settings) * (options.rounds + 1)), []
    laid = {order: batches(texts, options.tokens, order) for order in options.orders}
    for order, dropout in settings:
        given = laid[order][: options.rounds + 1]
        taken = rounds(replace(common, dropout=dropout), given, partial(progress.next, f"{order}, dropout {dropout}"))
        rows += told(order, dropout, taken, [batch.size for batch in given[1:]])
    shares = {order: padding(made) for order, made in laid.items()}
    saved = {
        "header": report.header("transformers"),
        "size": vars(common) | {"flops": common.flops()},
        "tokens": options.tokens,
        "rounds": options.rounds,
        "sentences": len(texts),
        "padding": shares,
        "rows": rows,
    }
    report.finish("throughput", page(saved), options.save, saved)


def arguments() -> argparse.Namespace:
    parser = report.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    parser.add_argument("--tokens", type=int, metavar="N", help="real tokens a step, about (2048)")
    parser.add_argument("--orders", nargs="+", choices=ORDERS, default=list(ORDERS))
    parser.add_argument("--dropout", type=float, nargs="+", default=[0.0], metavar="P")
    parser.add_argument("--rounds", type=int, metavar="N", help="steps of each (9)")
    parser.add_argument("--quick", action="store_true", help="small models, few rounds: it works, or it does not")
    options = parser.parse_args()
    options.tokens = options.tokens or (512 if options.quick else 2048)
    options.rounds = options.rounds or (3 if options.quick else 9)
    return options


def check(common: Size, batch: Sentences) -> None:
    """End the run where a loss, or the gradient of the token vectors, is not that of our twin."""
    made = twins(common)
    expected: dict[str, tuple[Tensor, Tensor]] = {}
    for name, way in WAYS.items():
        model = made[way.peer, way.is_ours]
        loss = way.loss(model, batch)
        table = next(x for x in model.parameters() if x.shape == (common.tokens, common.dim))
        (gradient,) = torch.autograd.grad(loss, table)
        wanted, of = expected.setdefault(way.peer, (loss.detach(), gradient))
        off = float((loss.detach() - wanted).abs() / wanted.abs()), apart(gradient, of) / size(of)
        if not max(off) <= NEAR:
            raise SystemExit(f"{name}: loss and gradient are off by {off}, more than {NEAR}; no speed is reported")


def rounds(common: Size, given: list[Sentences], tell: Callable[[], None]) -> dict[str, list[float]]:
    """Seconds of a step, one for each batch but the first, by which each is warm."""
    made = twins(common)
    steps = {name: step(copy.deepcopy(made[way.peer, way.is_ours]), way) for name, way in WAYS.items()}
    steps[FLOOR] = products(common, max(batch.size for batch in given))
    taken: dict[str, list[float]] = {name: [] for name in steps}
    names = list(steps)
    for turn, batch in enumerate(given):
        tell()
        lay_out(batch)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            seconds = sample(lambda name=name, batch=batch: steps[name](batch))  # type: ignore[misc]
            if turn:
                taken[name].append(seconds)
    return taken


def step(model: nn.Module, way: Way) -> Step:
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.1, fused=True)

    def take(batch: Sentences) -> None:
        way.loss(model, batch).backward()
        optimiser.step()
        optimiser.zero_grad()

    return take


def lay_out(batch: Sentences) -> None:
    """What depends on the batch alone is made beforehand, as a loader does it; the graphs of ours are not."""
    _ = batch.heard, batch.asked
    for rows in (batch.padded, batch.packed):
        _ = rows.asked, rows.silent, rows.mask


def padding(made: list[Sentences]) -> dict[str, float]:
    """The mean share of positions without a token, over the batches of an epoch."""
    few = made[:: max(1, len(made) // 50)]
    return {
        "union": 0.0,
        "padded": sum(batch.padded.padding for batch in few) / len(few),
        "packed": sum(batch.packed.padding for batch in few) / len(few),
    }


def told(order: str, dropout: float, taken: dict[str, list[float]], tokens: list[int]) -> list[dict[str, Any]]:
    """A row for each way: tokens a second, and its seconds over those of our twin, as quartiles."""
    twin = {way.peer: taken[name] for name, way in WAYS.items() if way.is_ours}
    found = []
    for name, seconds in taken.items():
        way = WAYS.get(name)
        own = twin["torch.nn" if way is None else way.peer]
        found.append(
            {"order": order, "dropout": dropout, "way": name, "peer": None if way is None or way.is_ours else way.peer}
            | {"layout": "union" if way is None else way.layout}
            | {"speed": spread([count / s for count, s in zip(tokens, seconds, strict=True)])}
            | {"times": spread([theirs / ours for theirs, ours in zip(seconds, own, strict=True)])}
        )
    return found


def spread(samples: list[float]) -> list[float]:
    """The first quartile, the median, the third."""
    first, _, third = quantiles(samples, n=4, method="inclusive")
    return [first, median(samples), third]


def goals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ours beside the fastest way of each peer, and beside its fastest without packing."""
    found = []
    for order, dropout in dict.fromkeys((row["order"], row["dropout"]) for row in rows):
        own = [row for row in rows if (row["order"], row["dropout"]) == (order, dropout) and row["peer"]]
        for peer in dict.fromkeys(row["peer"] for row in own):
            for layouts in (("padded",), ("padded", "packed")):
                rivals = [row for row in own if row["peer"] == peer and row["layout"] in layouts]
                best = min(rivals, key=lambda row: row["times"][1])
                found.append(
                    {"order": order, "dropout": dropout, "peer": peer, "packed": len(layouts) > 1, "way": best["way"]}
                    | {"times": best["times"], "goal": GOALS[order], "kept": best["times"][1] >= GOALS[order]}
                )
    return found


def speeds(saved: dict[str, Any]) -> str:
    cells = [
        [
            row["order"],
            f"{row['dropout']}",
            row["way"],
            f"{saved['padding'][row['order']][row['layout']]:.0%}",
            f"{row['speed'][1]:,.0f}",
            f"{row['speed'][0]:,.0f} – {row['speed'][2]:,.0f}",
            quartiles(row["times"]),
        ]
        for row in saved["rows"]
    ]
    return report.table(["order", "dropout:", "way", "padding:", "tokens/s:", "quartiles:", "times:"], cells)


def verdicts(saved: dict[str, Any]) -> str:
    cells = [
        [
            one["order"],
            f"{one['dropout']}",
            one["peer"],
            "any" if one["packed"] else "padded",
            one["way"],
            f"≥ {one['goal']}",
            quartiles(one["times"]),
            "kept" if one["kept"] else "not kept",
        ]
        for one in goals(saved["rows"])
    ]
    return report.table(["order", "dropout:", "peer", "layout", "fastest", "goal:", "times:", ""], cells)


def page(saved: dict[str, Any]) -> str:
    of = saved["size"]
    bound = {order: 1 / (1 - shares["padded"]) for order, shares in saved["padding"].items()}
    return "\n\n".join(
        [
            "# Training throughput on sentences",
            saved["header"],
            f"{saved['sentences']:,} sentences of EWT's train part, about {saved['tokens']:,} real tokens a step, "
            f"{saved['rounds']} rounds; {of['tokens']:,} tokens known, {of['num_layers']} layers of {of['dim']} "
            f"channels, {of['num_heads']} heads, {of['hidden']} hidden, tied, float32. A step is forward, backward and "
            "AdamW (fused for all). “Times” is a way's seconds over those of our model with the same weights in the "
            "same round: median, and in brackets the quartiles.",
            speeds(saved),
            f"A product with every weight, forward and twice backward, is {of['flops'] / 1e6:.1f} MFLOP a token; the "
            "last row takes these products alone, on real tokens, and is a floor for all. Who computes on padding is "
            "at most so many times slower as there are positions a token: "
            + ", ".join(f"{order} {times:.2f}" for order, times in bound.items())
            + ".",
            "Goals, against a peer's fastest way that is padded, and against its fastest of any layout:",
            verdicts(saved),
            WHAT,
        ]
    )


def quartiles(found: list[float]) -> str:
    return f"{found[1]:.2f} ({found[0]:.2f} – {found[2]:.2f})"


WHAT = """\
What torch.nn allows in training (PyTorch 2.13): a nested tensor, jagged or strided, is refused ("MultiheadAttention \
does not support NestedTensor outside of its fast path. The fast path was not hit because training is enabled"), and \
`enable_nested_tensor` turns a padded batch into one in inference alone, and never with norms first. On a CPU \
`scaled_dot_product_attention` finds no backend for a jagged tensor with `is_causal`, so layers of one's own would not \
help. What is left is padding, best behind the tokens, where the causal mask alone is enough, or packing by hand: \
several sentences a row, a mask [rows · heads, length, length] in which none hears another, places that begin anew, \
bins filled by the caller. transformers makes such a mask itself where `position_ids` begin anew and no \
`attention_mask` is given. Nothing is compiled. Logits of GPT-2 are of all positions, as its `loss` has them; those of \
torch.nn of real tokens alone, but in the row with both masks.

A packed batch has hardly any padding, so nobody can be twice as fast as it: its peers and ours compute the same \
products with weights, and differ in masks, attention and the loss alone."""


if __name__ == "__main__":
    main()
