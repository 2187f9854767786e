"""The picture of the README is what its script draws."""

import runpy
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parent.parent


def test_the_picture_is_what_the_script_draws():
    drawn = runpy.run_path(str(ROOT / "tools/make_picture.py"))["picture"]()
    assert (ROOT / "docs/picture.svg").read_text() == drawn
    assert ElementTree.fromstring(drawn).tag.endswith("svg")
    assert len(drawn) < 60_000
