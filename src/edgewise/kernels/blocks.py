"""Products of many rows with one matrix, whose gradients do not depend on the number of threads."""

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

_ROWS = 256


def product(
    x: Float[Tensor, "rows heads inner"], matrix: Float[Tensor, "heads inner outer"]
) -> Float[Tensor, "rows heads outer"]:
    """y_rh = x_rh M_h for every row and head.

    One product of all rows would sum the gradient of M in an order that depends on the number of threads; here blocks
    of a fixed number of rows are summed, and then the blocks.

    >>> import torch
    >>> product(torch.ones(3, 1, 2), torch.ones(1, 2, 1)).flatten()
    tensor([2., 2., 2.])
    """
    (N, H, inner), outer = x.shape, matrix.shape[-1]
    count = -(-N // _ROWS)
    rows = pad(x, (0, 0, 0, 0, 0, count * _ROWS - N)).reshape(count, _ROWS, H, inner).transpose(1, 2)
    blocks = rows @ matrix.expand(count, H, inner, outer)
    return blocks.transpose(1, 2).reshape(count * _ROWS, H, outer)[:N]
