"""Kill training runs at many random moments, take them up again, and see that nothing differs: tools/kill.py 100

The kills fall by turns after a while, just before a file or folder is touched, and when all epochs are done, while the
last checkpoint, the pictures and the report are written. A run is killed up to three times, then finished, and its
metrics, checkpoints and report are compared with those of a run that was left alone.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("OMP_NUM_THREADS", "1")

from tests.training.killing import BUSY, Runs


def main() -> None:
    """Kill, and say how often."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kills", type=int, nargs="?", default=100, help="how many, of each recipe (100)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (0)")
    options = parser.parse_args()
    for name, recipe in BUSY.items():
        with tempfile.TemporaryDirectory() as folder:
            began, runs = time.monotonic(), Runs(recipe, Path(folder))
            runs.chance.seed(options.seed)
            kinds = Counter(word.split()[0] for word in runs.kills(options.kills))
            told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
            print(f"{name}: {told}; {runs.made} runs, 0 differ, {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
