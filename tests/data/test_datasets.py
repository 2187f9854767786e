import pytest
from tests.data.small import SMALL

from edgewise.data import DATASETS, Task


@pytest.mark.parametrize("name", DATASETS)
def test_every_dataset_says_what_it_is(name, tmp_path):
    task = DATASETS[name](**SMALL[name](tmp_path))
    assert DATASETS[name].__doc__ and isinstance(task, Task)
    assert task.name.startswith(name) and task.notes and task.described()
