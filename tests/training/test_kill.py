"""A run that is killed at random moments and taken up again ends like one that never was: see `killing.py`.

tools/kill.py does the same as often as one likes.
"""

import os

import pytest
from tests.training.killing import BUSY, CHECKPOINTS, Runs

KILLS = int(os.environ.get("EDGEWISE_KILLS", "3"))


@pytest.mark.slow
@pytest.mark.parametrize("recipe", BUSY)
def test_a_run_killed_at_random_moments_ends_as_if_it_never_was(recipe, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "")
    runs = Runs(BUSY[recipe], tmp_path)
    assert runs.touches > 300
    assert len(list(runs.kills(KILLS))) == KILLS
    spoil(runs)


def spoil(runs):
    """A run that differs is seen."""
    other = runs.folder / "killed1"
    runs.finish = lambda folder: None
    for name, old, new in [
        ("metrics.csv", b"\n1,", b"\n7,"),
        (CHECKPOINTS[1], b"F32", b"F33"),
        ("report.md", b"|", b"!"),
    ]:
        file = other / name
        whole = file.read_bytes()
        file.write_bytes(whole.replace(old, new, 1))
        with pytest.raises(AssertionError, match="killed1: (other figures|another)"):
            runs.check(other)
        file.write_bytes(whole)
    runs.check(other)
