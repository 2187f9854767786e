"""Real data sets, in the folder that EDGEWISE_DATA names."""

import os
from pathlib import Path

import pytest


def real(name: str) -> Path:
    """The folder of a data set; without it the test is skipped."""
    folder = Path(os.environ.get("EDGEWISE_DATA", "nowhere")) / name
    if not folder.is_dir():
        pytest.skip(f"needs {name} in the folder that EDGEWISE_DATA names")
    return folder
