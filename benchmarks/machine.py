"""What this machine can do at most: floating-point operations a second, and bytes a second; and the floors they set.

    python benchmarks/machine.py [--save]

Operations are those of a large float32 matrix product, bytes those of a copy that no cache holds (a byte read and a
byte written are two).
"""

from dataclasses import asdict, dataclass

import report
import torch
from measure import sample

SIDE = 4096
COPY = 64 * 2**20  # numbers


@dataclass(frozen=True)
class Machine:
    flops: float  # a second, float32
    bytes: float  # a second, read and written

    def floor(self, edges: int, nodes: int, dim: int, backward: bool = False) -> float:
        """Seconds a head that no implementation can stay below: each operation once, each number moved once.

        forward      q·k and α·v: 4 D an edge;  q, k, v read, out written: 4 D numbers a node
        backward     s again, dα, dv, dq, dk: 10 D an edge;  q, k, v, out, dout read, dq, dk, dv written: 8 D a node
        """
        operations, numbers = (14, 12) if backward else (4, 4)
        return max(operations * dim * edges / self.flops, numbers * dim * nodes * 4 / self.bytes)


def measured(repeats: int = 5) -> Machine:
    """The best of a few."""
    a, b = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    out = torch.empty(SIDE, SIDE)
    product = min(sample(lambda: torch.mm(a, b, out=out)) for _ in range(repeats))
    source, target = torch.ones(COPY), torch.zeros(COPY)
    copy = min(sample(lambda: target.copy_(source)) for _ in range(repeats))
    return Machine(2 * SIDE**3 / product, 2 * 4 * COPY / copy)


def main() -> None:
    parser = report.parser(__doc__, threads=False)
    options = parser.parse_args()
    machine = measured()
    dim = 64
    text = (
        f"# What the machine can do at most\n\n{report.header()}\n\n"
        f"A product of float32 matrices of {SIDE} × {SIDE}: {machine.flops / 1e9:,.0f} GFLOP/s. A copy of "
        f"{4 * COPY / 2**20:,.0f} MiB: {machine.bytes / 1e9:.1f} GB/s, read and written.\n\n"
        f"So an edge and head of {dim} channels takes at least {machine.floor(10**6, 1, dim) * 1e3:.2f} ns forward and "
        f"{machine.floor(10**6, 1, dim, backward=True) * 1e3:.2f} ns forward and backward, and a node and head "
        f"{machine.floor(0, 10**6, dim) * 1e3:.1f} and {machine.floor(0, 10**6, dim, backward=True) * 1e3:.1f} ns.\n"
    )
    report.finish("machine", text, options.save, {"header": report.header(), **asdict(machine)})


if __name__ == "__main__":
    main()
