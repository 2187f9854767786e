"""Cross-entropy in stretches is cross-entropy: loss, gradient, second derivative. The rest goes PyTorch's way."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from edgewise.training import OBJECTIVES
from edgewise.training.wide_cross_entropy import LEAST, is_wide, wide_cross_entropy

LOSS = OBJECTIVES["cross_entropy"].loss


def given(rows=LEAST // 1000 + 2, classes=1000, dtype=torch.float32):
    torch.manual_seed(0)
    return torch.randn(rows, classes, dtype=dtype).mul_(5).requires_grad_(), torch.randint(classes, (rows,))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("numbers", [torch.int64, torch.int32])
def test_loss_and_gradient_are_as_near_to_the_exact_ones_as_pytorchs(dtype, numbers):
    outputs, targets = given(dtype=dtype)
    assert is_wide(outputs, targets)
    exact = outputs.detach().double().requires_grad_()
    losses, grads = [], []
    for loss, of in ((LOSS, outputs), (cross_entropy, outputs), (cross_entropy, exact)):
        found = loss(of, targets if loss is cross_entropy else targets.to(numbers))
        losses.append(found.detach())
        grads += torch.autograd.grad(3 * found, of)
    near = 1e-6 if dtype == torch.float32 else 1e-12
    assert abs(losses[0] - losses[2]) <= near * losses[2]
    (ours, theirs), least = ((g - grads[2]).abs().max() for g in grads[:2]), near * grads[2].abs().max()
    assert ours <= 2 * theirs + least


def test_a_gradient_is_none_of_the_output_itself():
    outputs, targets = given()
    before = outputs.detach().clone()
    LOSS(outputs, targets).backward()
    assert torch.equal(outputs, before)


@pytest.mark.parametrize("rows", [1, 261, 262, 263])
def test_stretches_may_be_of_any_number_of_rows(rows):
    outputs, targets = given(rows)
    torch.testing.assert_close(wide_cross_entropy(outputs, targets), cross_entropy(outputs, targets))


def test_it_has_a_second_derivative():
    outputs, targets = given(3, 5, torch.float64)
    assert torch.autograd.gradgradcheck(lambda y: wide_cross_entropy(y, targets), outputs)


def test_an_impossible_class_is_refused():
    outputs, targets = given()
    targets[3] = outputs.shape[1]
    with pytest.raises(RuntimeError, match="out of bounds"):
        LOSS(outputs, targets)


def test_what_is_left_out_few_or_half_goes_pytorchs_way():
    outputs, targets = given()
    assert not is_wide(outputs[:10], targets[:10])
    assert not is_wide(outputs.bfloat16(), targets)
    targets[0] = -100
    assert not is_wide(outputs, targets)
    torch.testing.assert_close(LOSS(outputs, targets), cross_entropy(outputs[1:], targets[1:]))
    wide = torch.func.grad(lambda y: LOSS(y, targets.clamp(min=0)))(outputs.detach())
    assert wide.shape == outputs.shape
