"""The scripts of benchmarks/, imported as they import each other."""

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

FOLDER = Path(__file__).parent.parent / "benchmarks"
NAMES = tuple(file.stem for file in FOLDER.glob("[a-z]*.py"))


@contextmanager
def imported(names: Sequence[str] = NAMES) -> Iterator[SimpleNamespace]:
    """Scripts by their names; afterwards no other module is hidden behind one of them."""
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.path.insert(0, str(FOLDER))
    yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    sys.path.remove(str(FOLDER))
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(before)
