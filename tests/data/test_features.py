import pytest
import torch

from edgewise.data import NORMALISERS
from edgewise.data.features import check_finite


@pytest.mark.parametrize("name", NORMALISERS)
def test_every_normaliser_keeps_shape_and_zeros(name):
    features = torch.tensor([[1.0, -3.0, 0.0], [0.0, 0.0, 0.0]])
    result = NORMALISERS[name](features)
    assert NORMALISERS[name].__doc__
    assert result.shape == features.shape and result.isfinite().all()
    assert torch.equal(result == 0, features == 0)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_not_finite_is_named_by_node_and_column(value):
    features = torch.zeros(5, 4)
    features[3, 2] = value
    with pytest.raises(ValueError, match=f"shop: expected finite features, got {value} at node 3, column 2"):
        check_finite(features, "shop")


def test_row_refuses_before_it_spreads_a_nan_over_the_row():
    with pytest.raises(ValueError, match="normalise: expected finite features, got nan at node 0, column 1"):
        NORMALISERS["row"](torch.tensor([[1.0, float("nan")]]))


def test_no_features_pass():
    check_finite(torch.zeros(0, 3), "shop")
    assert NORMALISERS["row"](torch.zeros(2, 0)).shape == (2, 0)
