"""Random graphs and calls: every implementation against the definition, with gradients; set algebra against masks.

EDGEWISE_FUZZ_GRAPHS says how many graphs; `make sanitize` takes many of them, under sanitizers.
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tests.equal import TOLERANCE, error
from tests.fuzz.call import CALLS, Call, Problem, spelled_out
from tests.fuzz.sanitizers import findings, say
from tests.fuzz.shapes import SHAPES
from torch import Tensor

from edgewise import native
from edgewise.graph import Graph
from edgewise.kernels import IMPLEMENTATIONS, native_call, native_tiles
from edgewise.kernels.routes import EDGE_BY_EDGE

pytestmark = pytest.mark.skipif(not native.available(), reason="this installation has no compiled part")

GRAPHS = int(os.environ.get("EDGEWISE_FUZZ_GRAPHS", "300"))
ROUND = 500  # graphs before Hypothesis starts anew with another seed, so that what it remembers stays small
ROUTES = [name for name in IMPLEMENTATIONS if name != "reference"]


# Attention with nothing besides: what dense parts and tiles take.
PLAIN = CALLS.map(
    lambda call: replace(
        call, operation="attend", score="Dot", bias=None, key_features=0, value_features=0, return_weights=False
    )
)


def rounds(of_one: Callable[..., None], strategy: st.SearchStrategy, count: int, progress: Callable[[], str]) -> None:
    """Run a property over this many random values."""
    started = time.monotonic()
    for done in range(0, count, ROUND):
        share = min(ROUND, count - done)
        small = settings(
            max_examples=share,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=[*HealthCheck],
        )
        seed(done)(small(given(strategy)(of_one)))()
        if count > ROUND:
            spent, ready = time.monotonic() - started, done + share
            left = spent / ready * (count - ready)
            sys.stderr.write(
                f"{ready:,} of {count:,} in {spent / 60:.1f} min, {left / 60:.1f} min left; {progress()}\n"
            )


@pytest.fixture
def choose(monkeypatch):
    """Makes the instruction set and the cut of a call hold."""
    for module, name in ((native_call, "LEVEL"), (native_call, "CUT"), (native_tiles, "LEVEL")):
        monkeypatch.setattr(module, name, getattr(module, name))

    def chosen(call: Call) -> None:
        native_call.LEVEL = native_tiles.LEVEL = call.level
        native_call.CUT = call.cut

    return chosen


@pytest.mark.usefixtures("poisoned", "unchecked_shapes")
def test_every_implementation_equals_the_definition_on_random_graphs(choose):
    took: Counter[str] = Counter()

    def of_one(call: Call) -> None:
        say(call)
        choose(call)
        problem = spelled_out(call)
        expected = problem.answers("reference")
        for impl in ROUTES if problem.call.operation == "attend" else EDGE_BY_EDGE.keys() - {"reference"}:
            try:
                found = problem.answers(impl)
            except ValueError as refused:
                if f"impl={impl!r}" not in str(refused) or impl == "auto":
                    raise
                continue
            took[impl] += 1
            assert_equal(found, expected, problem, impl)
        objections = findings()
        assert not objections, objections

    rounds(of_one, PLAIN, GRAPHS - GRAPHS // 2, lambda: "plain attention")
    rounds(of_one, CALLS, GRAPHS // 2, lambda: ", ".join(f"{name} {count:,}" for name, count in sorted(took.items())))
    assert {*ROUTES} == {*took}, f"never taken: {sorted({*ROUTES} - {*took})}"


def assert_equal(found: dict[str, Tensor], expected: dict[str, Tensor], problem: Problem, impl: str) -> None:
    """Within rounding of the definition in the same dtype, or at most twice as far as it from the truth in float64."""
    assert found.keys() == expected.keys()
    truth = None
    for name, theirs in expected.items():
        ours = found[name]
        assert ours.dtype == theirs.dtype, f"{impl}: {name} is {ours.dtype}, not {theirs.dtype}"
        off = error(ours, theirs)
        if off <= allowed(theirs):
            continue
        truth = problem.exactly().answers("reference") if truth is None else truth
        mine, peers = error(ours, truth[name]), error(theirs, truth[name])
        assert mine <= 2 * peers < torch.inf, (
            f"{impl}: {name} is off by {off:.3g}, {allowed(theirs):.3g} is allowed; "
            f"from float64 {mine:.3g}, the definition {peers:.3g}"
        )


def allowed(x: Tensor) -> float:
    """Ten times what is promised, for sums that cancel; in half precision twice the rounding of the largest number."""
    largest = float(x.detach().double().abs().nan_to_num(posinf=0).max()) if x.numel() else 0.0
    exact = x.dtype in TOLERANCE
    return (10 * TOLERANCE[x.dtype] if exact else 2 * torch.finfo(x.dtype).eps) * max(1.0, largest)


@st.composite
def pairs(draw: Callable) -> tuple[Tensor, ...]:
    """The masks of two graphs with the same nodes."""
    receivers, senders = draw(st.integers(0, 12)), draw(st.integers(0, 12) | st.integers(0, 70))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = draw(st.sampled_from([*SHAPES])), draw(st.sampled_from([*SHAPES]))
    return tuple(torch.from_numpy(SHAPES[name](rng, receivers, senders)) for name in names)


@pytest.mark.usefixtures("poisoned")
def test_set_algebra_equals_the_algebra_of_masks_on_random_graphs():
    def of_one(masks: tuple[Tensor, Tensor]) -> None:
        say(masks)
        (a, b), (x, y) = masks, (Graph.from_mask(mask) for mask in masks)
        for found, mask in ((x | y, a | b), (x & y, a & b), (x - y, a & ~b), (~x, ~a)):
            expected = Graph.from_mask(mask)
            assert all(map(torch.equal, found.runs, expected.runs)), f"{found.runs} instead of {expected.runs}"
        objections = findings()
        assert not objections, objections

    rounds(of_one, pairs(), GRAPHS, lambda: "pairs of graphs")
