"""The main benchmarks, one after another, each in a process of its own: `python benchmarks [--quick] [--save]`.

Options go to each. The others take long or answer another question, and are run by hand: million.py, routes.py,
graph_from_edges.py, cora_gat.py. The exit status is 1 where a benchmark failed, or a promise that it judges was broken.
"""

import subprocess
import sys
import time
from pathlib import Path

from progress import minutes, tell

# Seconds on two quiet cores, about: what the time left is reckoned from.
MAIN = {"machine": 10, "overhead": 30, "density": 75, "memory": 120, "gat_epoch": 60, "attention": 540}


def main() -> int:
    options, failed = sys.argv[1:], []
    if unknown := set(options) - {"--quick", "--save"}:
        raise SystemExit(f"python benchmarks: takes --quick and --save, got {' '.join(sorted(unknown))}")
    began, done = time.perf_counter(), 0
    for number, (name, expected) in enumerate(MAIN.items(), 1):
        rest = sum(MAIN.values()) - done
        left = rest if not done else rest * (time.perf_counter() - began) / done
        quick = "" if "--quick" in options and not done else f", about {minutes(left)} left in all"
        tell(f"== {name} ({number} of {len(MAIN)}){quick}")
        own = [option for option in options if option == "--save" or name != "machine"]
        if subprocess.run([sys.executable, Path(__file__).with_name(f"{name}.py"), *own], check=False).returncode:
            failed.append(name)
        done += expected
    tell(f"{minutes(time.perf_counter() - began)} in all" + (f"; not well: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
