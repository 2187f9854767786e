"""Long texts on a small machine: prefill along windows and sinks beside scaled_dot_product_attention; time and memory.

    python benchmarks/long_context.py --model FILE [--lengths 8192 16384 32768] [--rounds N] [--threads N] [--save]

FILE is SmolLM2-135M as in smollm2.py; its first layers alone are run, as time adds up layer by layer, and its weights
are read once. Beside it stand a model of Mistral's shape and one of ModernBERT's, with random weights, whose local
layers hear a window by themselves. Each way runs in a process of its own, in turn, round after round; seconds are the
least of the rounds. Memory is the peak beyond what was held before the forward pass.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import report
import torch
import transformers
from memory import clear_peak, resident
from progress import Progress

from edgewise import rewire

LAYERS = 3
WINDOW = 1024
OWN, DENSE, NEAR, SINKS = "SDPA, causal", "SDPA, dense mask", "window(1023, 0)", "window(1019, 0) | hubs(0, 1, 2, 3)"
LOCAL = {"mistral": ("SDPA", "edgewise"), "modernbert": ("SDPA", "edgewise")}
MOST_DENSE = 16384  # a mask of 32,768 squared would be 4 GB in float32


def main() -> int:
    options = arguments()
    if options.child:
        print("taken " + json.dumps(taken(*json.loads(options.child))))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        shorten(options.model, Path(folder))
        cases = [("smollm2", length, way) for length in options.lengths for way in (OWN, DENSE, NEAR, SINKS)]
        cases = [case for case in cases if case[2] != DENSE or case[1] <= MOST_DENSE]
        cases += [(name, 8192, way) for name, ways in LOCAL.items() for way in ways]
        progress, found = Progress(len(cases) * options.rounds), defaultdict(list)
        for _ in range(options.rounds):
            for case in cases:
                progress.next(", ".join(map(str, case)))
                found[case].append(asked([*case, folder, options.threads]))
    rows = [
        {"model": name, "tokens": length, "way": way} | {key: min(x[key] for x in runs) for key in runs[0]}
        for (name, length, way), runs in found.items()
    ]
    saved = {"header": report.header("transformers"), "rounds": options.rounds, "rows": rows}
    report.finish("long-context", page(saved), options.save, saved)
    return 0


def arguments() -> argparse.Namespace:
    parser = report.parser(__doc__)
    parser.add_argument("--model", type=Path, help="SmolLM2's GGUF file, or a folder it was saved in")
    parser.add_argument("--lengths", type=int, nargs="+", default=[8192, 16384, 32768], metavar="N")
    parser.add_argument("--rounds", type=int, default=2, metavar="N")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.model is None and options.child is None:
        parser.error("the following arguments are required: --model")
    return options


def shorten(source: Path, folder: Path) -> None:
    """The first layers of the checkpoint, in a folder."""
    from edgewise.pretrained.open_model import open_model

    model = open_model(source, "generator", torch.float32).model.model
    model.layers = model.layers[:LAYERS]
    model.config.num_hidden_layers = LAYERS
    model.save_pretrained(folder)


def asked(case: list[Any]) -> dict[str, float]:
    """What a process of its own says."""
    command = [sys.executable, __file__, "--child", json.dumps(case)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    line = next((line for line in answer.stdout.splitlines() if line.startswith("taken ")), None)
    if line is None:
        raise SystemExit(f"{case}: {answer.stderr.strip().splitlines()[-1:]}")
    return json.loads(line.removeprefix("taken "))


@torch.inference_mode()
def taken(name: str, length: int, way: str, folder: str, threads: int) -> dict[str, float]:
    """Seconds of the forward pass, of its attention functions and of local layers; the peak of memory in MB."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model, given = MADE[name](way, folder, length)
    clock = Clock(model)
    tokens = torch.randint(3, model.config.vocab_size, (1, length))
    model(tokens[:, : min(length, 2048)], **given(min(length, 2048)))  # so that pools of threads and memory are there
    more = given(length)
    clock.spent.clear()
    clear_peak()
    before, begin = resident("VmRSS"), perf_counter()
    model(tokens, **more)
    found = {"seconds": perf_counter() - begin, "memory": resident("VmHWM") - before}
    return {**found, "attention": clock.spent["attention"], "local": clock.spent["local"]}


class Clock:
    """Seconds spent in the attention functions of a model, and in its layers that hear a window by themselves."""

    def __init__(self, model: Any) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        functions = transformers.AttentionInterface()
        for backend in ("sdpa", "edgewise"):
            if backend in functions:
                transformers.AttentionInterface.register(backend, self.timed(functions[backend]))
        kinds = getattr(model.config, "layer_types", None) or ["sliding_attention"] * model.config.num_hidden_layers
        for layer, kind in zip(model.layers, kinds, strict=True):
            if kind == "sliding_attention":
                layer.forward = self.timed(layer.forward, "local")

    def timed(self, function: Callable[..., Any], name: str = "attention") -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            begin = perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.spent[name] += perf_counter() - begin

        return call


def smollm2(way: str, folder: str, length: int) -> tuple[Any, Callable[[int], dict[str, Any]]]:
    model = transformers.AutoModel.from_pretrained(folder).eval()
    if way in (NEAR, SINKS):
        rewire(model, way)
    return model, lambda count: {"use_cache": False} | ({"attention_mask": window(count)} if way == DENSE else {})


def window(count: int) -> torch.Tensor:
    """The same window as a mask of all pairs, true where somebody is heard."""
    return torch.ones(1, 1, count, count, dtype=torch.bool).tril_().triu_(1 - WINDOW)


def mistral(way: str, folder: str, length: int) -> tuple[Any, Callable[[int], dict[str, Any]]]:
    """A quarter of Mistral 7B's width and window, two layers."""
    config = transformers.MistralConfig(
        **{"vocab_size": 1000, "hidden_size": 1024, "intermediate_size": 3584, "num_hidden_layers": 2},
        **{"num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 128, "sliding_window": WINDOW},
    )
    return local(transformers.MistralModel(config), way), lambda count: {"use_cache": False}


def modernbert(way: str, folder: str, length: int) -> tuple[Any, Callable[[int], dict[str, Any]]]:
    """ModernBERT base's width and windows, three layers: one that hears everybody, two that hear 64 to each side."""
    config = transformers.ModernBertConfig(vocab_size=1000, num_hidden_layers=3, pad_token_id=0)
    return local(transformers.ModernBertModel(config), way), lambda count: {}


def local(model: Any, way: str) -> Any:
    model = model.eval()
    if way == "edgewise":
        return rewire(model, "complete")
    model.set_attn_implementation("sdpa")
    return model


MADE = {"smollm2": smollm2, "mistral": mistral, "modernbert": modernbert}


def page(saved: dict[str, Any]) -> str:
    rows = {(row["model"], row["tokens"], row["way"]): row for row in saved["rows"]}
    far = []
    for (name, tokens, way), row in rows.items():
        if name == "smollm2":
            own = rows[name, tokens, OWN]
            less = [f"{own[key] / row[key]:.1f}x" for key in ("attention", "seconds", "memory")]
            cells = [
                f"{row['attention']:.2f}",
                less[0],
                f"{row['seconds']:.2f}",
                less[1],
                f"{row['memory']:.0f}",
                less[2],
            ]
            far.append([f"{tokens:,}", way.replace("|", "\\|"), *cells])
    near = []
    for name in LOCAL:
        theirs, ours = (rows[name, 8192, way] for way in LOCAL[name])
        times = [[f"{one[key]:.2f}" for one in (theirs, ours)] for key in ("attention", "local", "seconds")]
        less = [f"{theirs[key] / ours[key]:.1f}x" for key in ("attention", "local", "seconds")]
        memory = [f"{one['memory']:.0f}" for one in (theirs, ours)]
        near.append(
            [
                name,
                *(cell for pair, x in zip(times, less, strict=True) for cell in (" / ".join(pair), x)),
                " / ".join(memory),
            ]
        )
    columns = ["tokens", "graph", "attention, s:", "less:", "all, s:", "less:", "memory, MB:", "less:"]
    return "\n\n".join(
        [
            "# Long texts on a small machine",
            saved["header"],
            f"The first {LAYERS} layers of SmolLM2-135M (9 heads of 64, 3 of keys), one text, no cache; the least of "
            f"{saved['rounds']} rounds. “Less” is what SDPA on the model's own causal mask takes, over this.",
            report.table(columns, far),
            "Models whose local layers hear a window by themselves, 8,192 tokens, random weights: one of Mistral's "
            f"shape (a quarter of its width and its window: {WINDOW}; two layers), one of ModernBERT base's (three "
            "layers, two of them local). SDPA / rewired to `complete`.",
            report.table(
                ["shape", "attention, s", "less:", "local layers, s", "less:", "all, s", "less:", "memory, MB"], near
            ),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
