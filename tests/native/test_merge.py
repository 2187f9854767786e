"""Set algebra on runs: the compiled merge against sets of integers."""

import numpy as np
import pytest

from edgewise import native

pytestmark = pytest.mark.skipif(not native.available(), reason="no compiled part on this machine")

OPERATIONS = {0: set.union, 1: set.intersection, 2: set.difference}
NUM_SENDERS = 23


def runs_of(members):
    """The canonical runs of a set of integers: sorted, disjoint, not touching."""
    starts = sorted(j for j in members if j - 1 not in members)
    stops = sorted(j + 1 for j in members if j + 1 not in members)
    return list(zip(starts, stops, strict=True))


def pack(rows):
    offsets = np.cumsum([0] + [len(row) for row in rows]).astype(np.int64)
    flat = np.array([run for row in rows for run in row], dtype=np.int32).reshape(-1, 2)
    return offsets, np.ascontiguousarray(flat[:, 0]), np.ascontiguousarray(flat[:, 1])


def merge(operation, a_rows, b_rows):
    a, b = pack(a_rows), pack(b_rows)
    room = len(a[1]) + len(b[1])
    # Poisoned, and one longer than the promise, so that writing past it shows.
    offsets = np.full(len(a_rows) + 2, -7, dtype=np.int64)
    start, stop = np.full(room + 1, -7, dtype=np.int32), np.full(room + 1, -7, dtype=np.int32)
    addresses = [array.ctypes.data for array in (*a, *b, offsets, start, stop)]
    written = native.module().merge_runs(operation, len(a_rows), *addresses)
    assert (offsets[-1], start[-1], stop[-1]) == (-7, -7, -7)
    assert written == offsets[-2]
    pairs = list(zip(start.tolist(), stop.tolist(), strict=True))
    return [pairs[offsets[i] : offsets[i + 1]] for i in range(len(a_rows))]


def random_rows(generator, count):
    densities = generator.random(count)
    return [{j for j in range(NUM_SENDERS) if generator.random() < density} for density in densities]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("num_rows", [0, 1, 7, 501])
def test_merge_equals_the_algebra_of_sets(operation, num_rows):
    generator = np.random.default_rng(num_rows)
    a, b = random_rows(generator, num_rows), random_rows(generator, num_rows)
    expected = [runs_of(OPERATIONS[operation](x, y)) for x, y in zip(a, b, strict=True)]
    assert merge(operation, list(map(runs_of, a)), list(map(runs_of, b))) == expected


def test_runs_that_touch_are_joined():
    assert merge(0, [[(0, 3)]], [[(3, 5)]]) == [[(0, 5)]]
    assert merge(0, [[(0, 3), (3, 4)]], [[]]) == [[(0, 4)]]


def test_the_last_sender_an_int32_can_name_is_kept():
    top = np.iinfo(np.int32).max
    assert merge(0, [[(top - 2, top)]], [[(0, 1)]]) == [[(0, 1), (top - 2, top)]]


def test_a_set_minus_itself_is_empty():
    rows = [[(0, 4), (6, 9)], []]
    assert merge(2, rows, rows) == [[], []]


def test_an_unknown_operation_is_refused():
    with pytest.raises(ValueError, match=r"operation must be 0 \(union\), 1 \(intersection\) or 2 \(difference\)"):
        merge(3, [[]], [[]])
