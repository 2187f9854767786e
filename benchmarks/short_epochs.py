"""Plain text of which an epoch sees a part, drawn anew each time: points of a curve that are a few steps apart.

A recipe names it `data.name=short_epochs:language`, with `data.steps` beside the options of `language`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from edgewise.data import Batch, LanguageTask
from edgewise.data import language as whole_epochs

ALL = 2**31  # steps


@dataclass(frozen=True, eq=False)
class ShortEpochs(LanguageTask):
    """The same task, but an epoch is the first `steps` batches of one that sees every token.

    As cuts and order are drawn each epoch, so is what is seen. A look at the training part sees its first rows.
    """

    steps: int = ALL

    def batches(self, part: str, size: int, shuffled: bool = False) -> Iterator[Batch]:
        whole = LanguageTask.batches(replace(self, steps=ALL), part, size, shuffled)
        return islice(whole, self.steps) if part == "train" else whole

    def num_batches(self, part: str, size: int) -> int:
        whole = super().num_batches(part, size)
        return min(whole, self.steps) if part == "train" else whole


def language(*, steps: int, **options: Any) -> ShortEpochs:
    """`edgewise.data.language` in epochs of so many steps."""
    task = whole_epochs(**options)
    assert isinstance(task, LanguageTask)
    given = {name: kept for name, kept in vars(task).items() if name not in ("train", "validation", "test")}
    return ShortEpochs(**given, steps=steps)
