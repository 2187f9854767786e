"""Whether impl="auto" chooses well: every route that takes a graph is timed, on a grid of sizes, densities, localities.

    python benchmarks/routes.py [--only TEXT] [--quick] [--rounds N] [--seconds S] [--threads N] [--save]

8 heads of 64. The promise: "auto" is never more than 1.2 times slower than the best route; where it is, the line says
so, forward or forward and backward, and the exit status is 1.
"""

import argparse
import sys
from typing import Any

import cases
import peers
import report
import torch
from cases import Case
from measure import Times, interleaved, right
from problem import Problem, problem
from progress import Progress, tell
from way import Way

from edgewise.kernels import IMPLEMENTATIONS, plan

HEADS, DIM = 8, 64
SLOWER = 1.2
SIZES = (256, 1_024, 4_096, 16_384)
SHARES = (1, 5, 20, 50)  # % of all pairs
EDGES = 6_000_000  # above, a call takes too long for a grid
REFERENCE = 0.7e9  # bytes of one array of edges × channels, of which the reference makes several


def main() -> int:
    options = arguments()
    torch.set_num_threads(options.threads)
    chosen = [case for case in grid() if not options.only or any(text in case.name for text in options.only)]
    if options.quick:
        chosen = [case for case in chosen if case.name.endswith(" 256")]
        options.rounds, options.seconds = 3, 0.1
    progress, rows = Progress(len(chosen)), []
    for case in chosen:
        progress.next(case.name)
        given = problem(case, HEADS, DIM)
        ways = right(routes(given), tell)
        rows.append(measure(given, ways, options.rounds, options.seconds))
    report.finish("routes", page(rows), options.save, {"header": report.header(), "routes": rows})
    return 1 if any(max(row["slower"]) > SLOWER for row in rows) else 0


def arguments() -> argparse.Namespace:
    parser = report.parser(__doc__)
    parser.add_argument("--only", action="append", metavar="TEXT", help="graphs with this in their names; repeatable")
    parser.add_argument("--quick", action="store_true", help="256 nodes, shortly: it works, or it does not")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.7, help="about so long for each way, three rounds at least")
    return parser.parse_args()


def grid() -> list[Case]:
    """Nothing but random, nothing but stretches, and what lies between; those with few enough edges."""
    made = []
    for N in SIZES:
        drawn = [(percent, N * N * percent // 100) for percent in SHARES]
        made += [share(N, percent) for percent, edges in drawn if edges <= EDGES]
        made += [cases.random(N, 8), cases.window(N, 16, 16), cases.window(N, 128, 0), cases.hubs(N, 32, 4)]
        made += [cases.documents(N, min(200, N // 4)), cases.partitions(N // 2, 2)]
        if N <= 4_096:
            made += [cases.clusters(N, 64, shuffled) for shuffled in (False, True)]
        if N <= 1_024:
            made += [cases.whole("complete", N), cases.whole("causal", N)]
        if N >= 1_024:
            made.append(cases.window(N, 128, 128))
    return made


def share(nodes: int, percent: int) -> Case:
    return Case(f"{percent} % random, {nodes:,}", lambda: cases.share(nodes, percent))


def routes(given: Problem) -> dict[str, Way]:
    """Every implementation that takes the problem; "edgewise" in front, because a wrong one of ours ends the run."""
    found = {}
    for impl in IMPLEMENTATIONS:
        if impl == "reference" and given.graph.num_edges * HEADS * DIM * 4 > REFERENCE:
            continue
        way = peers.ours(impl)(given)
        try:
            with torch.no_grad():
                way.compute()
        except ValueError as error:
            if f"impl={impl!r}" not in str(error):
                raise
            continue
        found[f"edgewise {impl}"] = way
    return found


def measure(given: Problem, ways: dict[str, Way], rounds: int, seconds: float) -> dict[str, Any]:
    """What looks slow is looked at again, auto beside the best alone, before it is said."""
    times = interleaved(ways, rounds, seconds)
    row = judged(given, times)
    if max(row["slower"]) > SLOWER:
        tell("looks slow: once more")
        again = {"edgewise auto", *(f"edgewise {name}" for name in row["best"])}
        more = interleaved({name: way for name, way in ways.items() if name in again}, 2 * rounds, 2 * seconds)
        for name, taken in more.items():
            times[name] = Times(times[name].forward + taken.forward, times[name].both + taken.both)
        row = judged(given, times)
    return row


def judged(given: Problem, times: dict[str, Times]) -> dict[str, Any]:
    """Milliseconds by route, the best, and how many times slower auto is, forward and both."""
    found = {name.removeprefix("edgewise "): [best(one.forward), best(one.both)] for name, one in times.items()}
    forced = {name: taken for name, taken in found.items() if name != "auto"}
    first = [min(forced, key=lambda name, part=part: forced[name][part]) for part in range(2)]
    return {"graph": given.case.name, "edges": given.graph.num_edges, "route": plan(given.graph).route} | {
        "ms": found,
        "best": first,
        "slower": [found["auto"][part] / forced[first[part]][part] for part in range(2)],
    }


def best(samples: list[float]) -> float:
    """The smallest, in milliseconds: a choice is judged, and what disturbs it is not the choice's."""
    return 1e3 * min(samples)


def page(rows: list[dict[str, Any]]) -> str:
    names = [name for name in IMPLEMENTATIONS if any(name in row["ms"] for row in rows)]
    cells = []
    for row in rows:
        told = ["{:.2f} / {:.2f}".format(*row["ms"][name]) if name in row["ms"] else "–" for name in names]
        found = " / ".join(f"**{x:.2f}**" if x > SLOWER else f"{x:.2f}" for x in row["slower"])
        cells.append([row["graph"], f"{row['edges']:,}", row["route"], *told, " / ".join(row["best"]), found])
    late = [row["graph"] for row in rows if max(row["slower"]) > SLOWER]
    verdict = f"Slower than that on {len(late)} of {len(rows)} graphs." if late else f"Kept on all {len(rows)} graphs."
    return "\n\n".join(
        [
            "# Whether impl='auto' chooses well",
            report.header(),
            f"Milliseconds a call, forward / forward and backward, the smallest of the rounds; {HEADS} heads of {DIM}, "
            f"float32. The last column is auto over the best: promised is at most {SLOWER}.",
            report.table(
                ["graph", "edges:", "plan", *(f"{name}:" for name in names), "best", "auto over best:"], cells
            ),
            verdict,
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
