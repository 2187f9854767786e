"""Runs the tests against the compiled part under AddressSanitizer and UBSan, and fails each test that they object to.

A pytest plugin, for `tools/sanitize.py`; without it no sanitizer watches and nothing is found.
"""

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

COMPILED = "EDGEWISE_SANITIZED"
"""Names the compiled part to load, built with the sanitizers."""

REPORTS = "EDGEWISE_SANITIZER_REPORTS"
"""Names the folder in which the sanitizers write what they find."""

CURRENT = "current call.txt"
"""In that folder, the call that is running: what a crash leaves behind."""

_read: dict[Path, int] = {}


def pytest_configure() -> None:
    # Torch first, as in edgewise/native.py.
    importlib.import_module("torch")
    spec = importlib.util.spec_from_file_location("edgewise._native", os.environ[COMPILED])
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["edgewise._native"] = module
    spec.loader.exec_module(module)


@pytest.fixture(autouse=True)
def _no_findings() -> Iterator[None]:
    yield
    found = findings()
    assert not found, found


def findings() -> str:
    """What the sanitizers have written since they were last asked."""
    folder = os.environ.get(REPORTS)
    told = []
    for file in sorted(Path(folder).glob("*san.*")) if folder else ():
        text = file.read_text(errors="replace")
        told.append(text[_read.get(file, 0) :])
        _read[file] = len(text)
    return "".join(told)


def say(call: object) -> None:
    """Leave a note of what is about to run."""
    if folder := os.environ.get(REPORTS):
        Path(folder, CURRENT).write_text(repr(call))
