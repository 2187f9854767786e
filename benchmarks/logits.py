"""The loss of a vocabulary's logits, forward and backward: multiplied out as ever, or taken from their factors.

    python benchmarks/logits.py [--rows N] [--dim D] [--tokens C ...] [--rounds N] [--quick] [--threads N] [--save]

Ways take turns, round after round. Before, each is held against PyTorch in float64. Memory is the most that a call
holds besides what it is given, in a process of its own; Linux only.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import report
import torch
from measure import Spread, in_turn
from torch import Tensor
from torch.nn.functional import cross_entropy, linear

from edgewise.analysis.peak import peak
from edgewise.models.logits import Logits
from edgewise.training import objectives

NEAR = 1e-5  # how far float32 may be from float64, of the largest number
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]

FACTORED = "factors"
WAYS: dict[str, Loss] = {
    "PyTorch": lambda states, weight, targets: cross_entropy(linear(states, weight), targets),
    "multiplied out": lambda states, weight, targets: objectives.cross_entropy(linear(states, weight), targets),
    FACTORED: lambda states, weight, targets: objectives.cross_entropy_of_factors(Logits(states, weight), targets),
}
FLOOR = "products alone"


@dataclass(frozen=True, eq=False)
class Given:
    """States, weight and targets as a trained network has them: logits of some units, mostly small."""

    states: Tensor
    weight: Tensor
    targets: Tensor

    @classmethod
    def drawn(cls, rows: int, dim: int, tokens: int) -> "Given":
        torch.manual_seed(0)
        weight = (3 * torch.randn(tokens, dim) / dim**0.5).requires_grad_()
        return cls(torch.randn(rows, dim).requires_grad_(), weight, torch.randint(tokens, (rows,)))

    def step(self, loss: Loss) -> list[Tensor]:
        """The loss and its two gradients."""
        found = loss(self.states, self.weight, self.targets)
        return [found.detach(), *torch.autograd.grad(found, (self.states, self.weight))]

    @torch.no_grad()
    def products(self) -> None:
        """The three products that no way can do without."""
        logits = linear(self.states, self.weight)
        _ = logits @ self.weight, logits.T @ self.states


def main() -> None:
    parser = report.parser(__doc__)
    parser.add_argument("--rows", type=int, default=2048, metavar="N", help="tokens a step")
    parser.add_argument("--dim", type=int, default=256, metavar="D", help="channels")
    parser.add_argument("--tokens", type=int, nargs="+", default=[500, 1000, 4000, 16_000, 32_000], metavar="C",
                        help="sizes of the vocabulary")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=9, metavar="N")
    parser.add_argument("--quick", action="store_true", help="few rows and rounds: it works, or it does not")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.quick:
        options.rows, options.tokens, options.rounds = 300, [500, 8000], 3
    rows = [row for tokens in options.tokens for row in measured(options.rows, options.dim, tokens, options.rounds)]
    saved = {"header": report.header(), "rows": rows}
    report.finish("logits", page(options.rows, options.dim, saved), options.save, saved)


def measured(rows: int, dim: int, tokens: int, rounds: int) -> list[dict[str, Any]]:
    given = Given.drawn(rows, dim, tokens)
    memory = {name: alone(rows, dim, tokens, name) for name in WAYS}
    check(given)
    calls = {name: [lambda loss=loss: given.step(loss)] for name, loss in WAYS.items()}
    taken = in_turn(calls | {FLOOR: [given.products]}, rounds, seconds=60.0)  # type: ignore[arg-type]
    ours = taken[FACTORED][0]
    found = []
    for name, (samples,) in taken.items():
        times = Spread.of([theirs / own for theirs, own in zip(samples, ours, strict=True)])
        spread = Spread.of(samples, 1e3)
        assert times and spread
        found.append({"tokens": tokens, "way": name, "ms": vars(spread), "times": vars(times),
                      "memory": memory.get(name)})  # fmt: skip
    return found


def check(given: Given) -> None:
    """End the run where a way is not what PyTorch says in float64."""
    exact = Given(*(x.detach().double().requires_grad_() for x in (given.states, given.weight)), given.targets)
    wanted = exact.step(WAYS["PyTorch"])
    for name, loss in WAYS.items():
        for found, want in zip(given.step(loss), wanted, strict=True):
            off = float((found - want).abs().max() / want.abs().max())
            if not off <= NEAR:
                raise SystemExit(f"{name}: off by {off:.1e}, more than {NEAR}; no speed is reported")


def alone(rows: int, dim: int, tokens: int, name: str) -> int | None:
    """Bytes that a call holds at most."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(held, rows, dim, tokens, name).result()


def held(rows: int, dim: int, tokens: int, name: str) -> int | None:
    given = Given.drawn(rows, dim, tokens)
    Given.drawn(8, dim, 600).step(WAYS[name])  # what the first call of its kind brings along
    with peak(torch.device("cpu")) as most:
        given.step(WAYS[name])
    return most.bytes


def table(found: list[dict[str, Any]]) -> str:
    cells = []
    for row in found:
        ms, times = Spread(**row["ms"]).written(0), Spread(**row["times"]).written(2)
        memory = "–" if row["memory"] is None else f"{row['memory'] / 1e6:,.0f}"
        cells.append([f"{row['tokens']:,}", row["way"], ms, times, memory])
    return report.table(["tokens:", "way", "ms:", "times:", "MB:"], cells)


def page(rows: int, dim: int, saved: dict[str, Any]) -> str:
    return "\n\n".join(
        [
            "# The loss of a vocabulary's logits",
            saved["header"],
            f"{rows:,} rows of {dim} channels, float32; forward and backward with both gradients. Median, and in "
            "brackets the smallest and the largest; “times” is a way's seconds over those of the factors in the same "
            "round. “Products alone”: logits and both gradients are products, and this is the least they take.",
            table(saved["rows"]),
        ]
    )


if __name__ == "__main__":
    main()
