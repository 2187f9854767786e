import pytest
import torch

from edgewise.data import Classes, Labels, Numbers

NAN = float("nan")


def table(*rows):
    return torch.tensor(rows)


def test_classes_are_numbers_of_names_and_may_be_unknown():
    answer = Classes(("a", "b", "c"))
    targets = torch.tensor([2, -1, 0])
    answer.check(targets, 3, "shop")
    assert answer.known(targets).tolist() == [True, False, True]
    assert answer.out_dim == 3 and answer.described() == "3 classes"
    assert answer.as_table() == {"kind": "classes", "names": ["a", "b", "c"]}


def test_probabilities_of_classes_sum_to_one_and_those_of_labels_stand_alone():
    outputs = table([0.0, 100.0])
    assert torch.allclose(Classes(("a", "b")).said(outputs), table([0.0, 1.0]))
    assert torch.allclose(Labels(("a", "b")).said(outputs), table([0.5, 1.0]))


def test_a_label_that_is_neither_is_named():
    answer = Labels(("toxic", "soluble"))
    answer.check(table([1.0, NAN], [0.0, 1.0]), 2, "shop")
    with pytest.raises(ValueError, match="shop: expected labels of 0 or 1, .* got 2.0 at example 1, label 'toxic'"):
        answer.check(table([1.0, NAN], [2.0, 1.0]), 2, "shop")


@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
def test_a_number_that_is_infinite_is_named(value):
    with pytest.raises(ValueError, match=f"shop: expected finite numbers to learn, .* got {value} at example 0, num"):
        Numbers(("price",)).check(table([value]), 1, "shop")


@pytest.mark.parametrize(("answer", "what"), [(Labels(("a", "b")), "labels"), (Numbers(("a", "b")), "numbers")])
def test_a_table_of_another_kind_or_shape_is_refused(answer, what):
    with pytest.raises(TypeError, match=f"shop: expected {what} in floating point, NaN where unknown, got torch.int64"):
        answer.check(torch.zeros(3, 2, dtype=torch.int64), 3, "shop")
    with pytest.raises(ValueError, match=rf"shop: expected a row of 2 {what} an example, \[3, 2\], got \[3, 1\]"):
        answer.check(torch.zeros(3, 1), 3, "shop")


def test_standardised_numbers_have_mean_zero_and_deviation_one_and_come_back():
    targets = table([1.0, NAN, 7.0], [3.0, 4.0, 7.0], [8.0, 6.0, 7.0])
    answer = Numbers.standardised(("x", "y", "same"), targets)
    learned = answer.to_learn(targets)
    assert torch.allclose(learned[:, 0].mean(), torch.tensor(0.0), atol=1e-6)
    assert torch.allclose(learned[:, 0].std(correction=0), torch.tensor(1.0))
    assert answer.mean[1] == 5.0 and answer.scale[1:] == (1.0, 1.0)
    assert torch.allclose(answer.said(learned), targets, equal_nan=True)
    assert answer.as_table()["mean"] == list(answer.mean)


def test_numbers_without_a_mean_are_learned_as_they_are():
    assert torch.equal(Numbers(("x",)).to_learn(table([3.0])), table([3.0]))


def test_a_mean_too_few_is_refused():
    with pytest.raises(ValueError, match="Numbers: expected mean for each of x, y, got 1"):
        Numbers(("x", "y"), mean=(1.0,))
