"""hits@K, which torchmetrics does not have."""

import torch
from torch import Tensor


class HitsAt:
    """The share of positives above the K-th highest negative, label by label, then their mean.

        hits@K = |{p : y_p > y_(K)}| / |positives|,   y_(K) the K-th highest score of a negative

    It is used as torchmetrics' metrics are. A target of -1 is unknown.

    >>> metric = HitsAt(2)
    >>> metric.update(torch.tensor([[0.9], [0.8], [0.7], [0.6], [0.1]]), torch.tensor([[1], [0], [1], [0], [1]]))
    >>> metric.compute()
    tensor(0.6667)
    """

    def __init__(self, k: int) -> None:
        self.k = k
        self.reset()

    def update(self, said: Tensor, targets: Tensor) -> None:
        """Take in some examples: [examples, labels] both."""
        self._said.append(said)
        self._targets.append(targets)

    def compute(self) -> Tensor:
        """Of all that were taken in; NaN where a label has no positive."""
        said, targets = torch.cat(self._said), torch.cat(self._targets)
        return torch.stack([self._of(y, t) for y, t in zip(said.unbind(1), targets.unbind(1), strict=True)]).mean()

    def reset(self) -> None:
        """Forget all."""
        self._said: list[Tensor] = []
        self._targets: list[Tensor] = []

    def _of(self, said: Tensor, targets: Tensor) -> Tensor:
        others = said[targets == 0]
        if len(others) < self.k:
            raise ValueError(f"hits@{self.k}: expected at least {self.k} negatives, got {len(others)}")
        return (said[targets == 1] > others.topk(self.k).values[-1]).float().mean()
