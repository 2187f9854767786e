"""What a benchmark leaves behind: a page that names machine, versions and command, and its numbers as JSON."""

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from edgewise import native

RESULTS = Path(__file__).parent / "results"
_LOAD = os.getloadavg()[0]  # before the benchmark adds its own


def header(*packages: str) -> str:
    """Where, when, by which command and with which versions; packages that are not there are not named."""
    compiled = native.module()
    versions = ", ".join(f"{name} {found}" for name in ("torch", *packages) if (found := _version(name)))
    return (
        f"`{command()}`, {date.today()}, commit {_commit()}; {processor()}, {torch.get_num_threads()} threads, load "
        f"{_LOAD:.1f} before; instruction set {compiled.cpu_level() if compiled else 'none, no compiled part'}; "
        f"Python {platform.python_version()}, {versions}."
    )


def parser(doc: str | None, *, threads: bool = True) -> argparse.ArgumentParser:
    """The options of every script: `--threads`, where it has a say in them, and `--save`; `doc` is its help."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    if threads:
        made.add_argument("--threads", type=int, default=torch.get_num_threads())
    made.add_argument("--save", action="store_true", help="keep the report and its numbers in benchmarks/results")
    return made


def command() -> str:
    """What was typed, from the root of the repository."""
    script = Path(sys.argv[0])
    return shlex.join(["python", f"benchmarks/{script.name}", *sys.argv[1:]])


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{named[0]} ({len(named)} cores)" if named else platform.processor()


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown; columns after the first whose name ends in a colon stand to the right."""
    names = [name.removesuffix(":") for name in columns]
    rule = ["---:" if name.endswith(":") else "---" for name in columns]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [names, rule, *rows])


def finish(name: str, text: str, save: bool, numbers: Any = None) -> None:
    """Print a report; with `save`, keep it by today's date, its numbers beside it."""
    print(text)
    if not save:
        return
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{date.today()}-{name}.md").write_text(text.rstrip() + "\n")
    if numbers is not None:
        (RESULTS / f"{date.today()}-{name}.json").write_text(json.dumps(numbers, indent=1, ensure_ascii=False) + "\n")


def latest(name: str) -> Path | None:
    """The newest saved numbers of this benchmark."""
    return max(RESULTS.glob(f"????-??-??-{name}.json"), default=None)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str:
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or "unknown"
