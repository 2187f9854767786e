"""torch.compile(fullgraph=True) of the operations equals calling them, and new graphs recompile nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_compiled_operations_equal_eager_ones():
    tests = Path(__file__).with_name("compiled.py")
    # Without the conftest, so that the shapes in signatures are not executed.
    command = [sys.executable, "-m", "pytest", "-q", "--noconftest", "-p", "no:cacheprovider", str(tests)]
    root = tests.parents[2]
    done = subprocess.run(command, cwd=root, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
