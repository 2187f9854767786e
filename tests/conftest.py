"""Shapes in signatures are executed while tests run: jaxtyping and beartype check every annotated call."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import jaxtyping
import pytest
import torch

jaxtyping.install_import_hook("edgewise", "beartype.beartype")


@pytest.fixture
def unchecked_shapes():
    """Shapes in signatures go unchecked during the test, as they do for users, so that our own errors are reached.

    The checks read this setting at each call, whatever was imported before.
    """
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)


@pytest.fixture
def poisoned():
    """Memory that nobody has written to reads as NaN during the test."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(before)
