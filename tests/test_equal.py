"""The comparing helper passes what is equal and fails what is not."""

import pytest
import torch
from tests.equal import (
    assert_all_equal_as_promised,
    assert_equal_as_promised,
    assert_states_equal_as_promised,
    error,
)

TRUTH = torch.linspace(-3, 3, 7, dtype=torch.float64)


@pytest.mark.parametrize(("dtype", "small", "large"), [(torch.float32, 2e-5, 4e-5), (torch.float64, 2e-11, 4e-11)])
def test_the_tolerance_is_relative_to_the_largest_number(dtype, small, large):
    theirs = TRUTH.to(dtype)
    assert_equal_as_promised(theirs + small, theirs)
    with pytest.raises(AssertionError, match=r"max\|a - b\| is"):
        assert_equal_as_promised(theirs + large, theirs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_twice_the_error_of_the_peer_passes_and_more_fails(dtype):
    theirs = (TRUTH + 0.25).to(dtype)
    assert_equal_as_promised((TRUTH - 0.5).to(dtype), theirs, TRUTH)
    with pytest.raises(AssertionError, match="our error against float64 is"):
        assert_equal_as_promised((TRUTH - 0.75).to(dtype), theirs, TRUTH)


def test_small_numbers_are_held_to_an_absolute_tolerance():
    assert_equal_as_promised(torch.full((3,), 1e-6), torch.zeros(3))
    with pytest.raises(AssertionError, match="not equal"):
        assert_equal_as_promised(torch.full((3,), 1e-4), torch.zeros(3))


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("truth", [None, TRUTH])
def test_a_number_that_is_not_finite_on_one_side_fails(bad, truth):
    theirs = TRUTH.float()
    ours = theirs.clone()
    ours[3] = bad
    with pytest.raises(AssertionError, match="not equal"):
        assert_equal_as_promised(ours, theirs, truth)
    with pytest.raises(AssertionError, match="not equal"):
        assert_equal_as_promised(theirs, ours, truth)
    assert_equal_as_promised(ours, ours.clone())


def test_shapes_and_dtypes_are_compared_too():
    with pytest.raises(AssertionError, match="shapes differ"):
        assert_equal_as_promised(torch.zeros(3), torch.zeros(1, 3))
    with pytest.raises(AssertionError, match="dtypes differ"):
        assert_equal_as_promised(torch.zeros(3), torch.zeros(3).double())


def test_half_precision_needs_the_truth():
    with pytest.raises(AssertionError, match="give float64_truth"):
        assert_equal_as_promised(TRUTH.half(), TRUTH.half())


def test_nothing_equals_nothing():
    assert_equal_as_promised(torch.zeros(0, 3), torch.zeros(0, 3))
    assert error(torch.zeros(0), torch.zeros(0)) == 0


def test_each_of_several_is_compared_and_the_wrong_one_named():
    assert_all_equal_as_promised([TRUTH, TRUTH + 1], [TRUTH, TRUTH + 1])
    assert_all_equal_as_promised([(TRUTH - 0.5).half()], [(TRUTH + 0.25).half()], [TRUTH])
    with pytest.raises(AssertionError, match="number 1 of 2: not equal"):
        assert_all_equal_as_promised([TRUTH, TRUTH], [TRUTH, TRUTH + 1])
    with pytest.raises(ValueError, match="shorter"):
        assert_all_equal_as_promised([TRUTH, TRUTH], [TRUTH])


def test_states_are_compared_name_by_name():
    theirs = {"a": torch.zeros(3), "b": torch.ones(2)}
    assert_states_equal_as_promised(dict(reversed(theirs.items())), theirs)
    with pytest.raises(AssertionError, match="b: not equal"):
        assert_states_equal_as_promised({**theirs, "b": torch.tensor([1.0, 1.1])}, theirs)
    with pytest.raises(AssertionError, match=r"names differ: \['b'\]"):
        assert_states_equal_as_promised({"a": torch.zeros(3)}, theirs)
    with pytest.raises(AssertionError, match=r"names differ: \['c'\]"):
        assert_states_equal_as_promised({**theirs, "c": torch.zeros(3)}, theirs)
    with pytest.raises(AssertionError, match="nothing to compare"):
        assert_states_equal_as_promised({}, {})
