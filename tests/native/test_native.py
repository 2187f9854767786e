"""The door to the compiled part: loaded once; when missing, one warning and the reference."""

import sys
import warnings

import pytest

from edgewise import native


@pytest.fixture
def not_loaded():
    """The door as a fresh process finds it, and again afterwards."""
    forget()
    yield
    forget()


def forget():
    native._load.cache_clear()
    native._warn_once.cache_clear()


@pytest.mark.skipif(not native.available(), reason="no compiled part on this machine")
def test_the_level_of_the_processor_is_one_that_compilers_know():
    assert native.module().cpu_level() in {"x86-64-v4", "x86-64-v3", "x86-64-v2", "baseline"}


def test_a_missing_compiled_part_is_said_once_with_the_mend(monkeypatch, not_loaded):
    monkeypatch.setitem(sys.modules, "edgewise._native", None)
    assert not native.available()
    with pytest.warns(RuntimeWarning, match=r"no compiled part .* runs on the reference.* install a C\+\+17 compiler"):
        assert native.module() is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert native.module() is None


def test_asking_whether_it_is_there_never_warns(monkeypatch, not_loaded):
    monkeypatch.setitem(sys.modules, "edgewise._native", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert native.available() is False
