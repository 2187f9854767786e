"""What a trained network says of examples, as columns of a table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edgewise.data import Answer, Classes, Numbers, Task
from edgewise.data.table import Table, check_ending
from edgewise.training import checkpoint
from edgewise.training.atomic import check_free, new_file
from edgewise.training.chance import deterministic
from edgewise.training.fabric import make_fabric
from edgewise.training.trained import Trained


def predict(
    trained: Trained, task: Task, tell: Callable[[int, int], None] = lambda done, batches: None
) -> dict[str, Any]:
    """Columns with a row for each example of the test part: which it is, and what the best weights say of it.

    Of classes the likeliest, `said`, and p(c) for every class c; of labels p(l) for every label l; numbers in the units
    of the targets. `tell` hears how many batches are done, and of how many.
    """
    config = trained.recipe.training
    network, fabric = trained.network(task), make_fabric(config)
    wrapped = fabric.setup(network)
    checkpoint.load_best(trained.folder, network)
    wrapped.eval()
    there, batches, said = task.to(fabric.device), task.num_batches("test", config.batch_size), []
    with deterministic(), torch.no_grad():
        for done, batch in enumerate(there.batches("test", config.batch_size), start=1):
            said.append(task.answer.said(batch.outputs(wrapped)).cpu())
            tell(done, batches)
    which = {name: [values[k] for k in task.test.tolist()] for name, values in task.ids.items()}
    which = which or {task.example: task.test.tolist()}
    answers = columns(task.answer, torch.cat(said))
    twice = sorted(which.keys() & answers.keys())
    if twice:
        raise ValueError(f"{task.name}: an answer and an id both are called {twice[0]!r}; rename the column of ids")
    return {**which, **answers}


def columns(answer: Answer, said: Tensor) -> dict[str, Any]:
    """What `answer.said` gave, as columns.

    >>> columns(Classes(("no", "yes")), torch.tensor([[0.25, 0.75]]))
    {'said': ['yes'], 'p(no)': array([0.25], dtype=float32), 'p(yes)': array([0.75], dtype=float32)}
    """
    exact = said if said.dtype == torch.float64 else said.float()
    values = dict(zip(answer.names, exact.numpy().T, strict=True))
    if isinstance(answer, Numbers):
        return values
    likeliest = {"said": [answer.names[k] for k in said.argmax(dim=1).tolist()]} if isinstance(answer, Classes) else {}
    return {**likeliest, **{f"p({name})": column for name, column in values.items()}}


def check_out(file: Path, overwrite: bool) -> None:
    """Refuse a file of a kind that is not written, or one that must not be."""
    check_ending(file)
    check_free(file, overwrite)


def write(file: Path, table: dict[str, Any]) -> None:
    """The columns as Parquet or CSV, by the ending of the file, whole or not at all."""
    with new_file(file) as new:
        Table.of(str(file), table).write(new)
