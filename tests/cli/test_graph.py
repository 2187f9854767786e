import shlex
from pathlib import Path

import pytest

from edgewise.kernels import plan
from edgewise.patterns import hubs, window


def test_a_pattern_in_figures(edgewise):
    result = edgewise("graph", "window(2,2)|hubs(0)", "-n", "10")
    assert result.exit_code == 0, result.stderr
    made = (window(2, 2) | hubs(0)).build(10)
    assert result.stdout.splitlines() == [
        "window(2, 2) | hubs(0): 10 nodes",
        "  nodes       10",
        "  edges       58, 58 % of all pairs",
        "  hear        4 to 10, median 6; 0 hear nobody",
        "  are heard   4 to 10, median 6; 0 by nobody",
        "  isolated    0",
        "  self-loops  10",
        "  symmetric   yes",
        f"  runs        {made.num_runs}, {88 + 8 * made.num_runs} B",
        f"  plan        {plan(made)}",
    ]


def test_how_many_nodes_were_taken_is_said(edgewise):
    assert edgewise("graph", "causal").stdout.startswith("causal: 1,024 nodes unless -n says how many\n")


def test_a_file_in_figures(edgewise):
    Path("edges.csv").write_text("source,target\na,b\nc,b\n")
    told = edgewise("graph", "edges.csv").stdout
    assert told.startswith("edges.csv: its nodes are the ids that occur, in their order\n  nodes       3\n")
    assert "  symmetric   no\n" in told
    assert "  symmetric   yes\n" in edgewise("graph", "edges.csv", "--undirected").stdout
    Path("edges.txt").write_text("0 3\n")
    assert "  isolated    2\n" in edgewise("graph", "edges.txt", "-n", "4").stdout


def test_a_picture_is_drawn_and_not_overwritten_unasked(edgewise):
    result = edgewise("graph", "ring", "-n", "9", "--draw", "ring.png")
    assert result.exit_code == 0 and result.stdout.endswith("  picture     ring.png\n")
    assert Path("ring.png").read_bytes().startswith(b"\x89PNG")
    again = edgewise("graph", "ring", "--draw", "ring.png")
    assert again.exit_code == 2 and "ring.png: it is there already; --overwrite replaces it" in again.stderr
    assert edgewise("graph", "ring", "--draw", "ring.png", "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("'causal & wndow(3)'", "Did you mean 'window'?\n  causal & wndow(3)\n           ^\n"),
        ("'window(3'", "expected , or ), got the end\n  window(3\n          ^\n"),
        ("blocks", "blocks: it needs lengths, which only a program can give, parse(...).build(1024, ...)"),
        ("gone.csv", "gone.csv: there is no such file"),
        ("ring --undirected", "--undirected is for files; a pattern says itself who hears whom"),
        ("ring -n -1", "num_receivers must be between 0 and 2147483647"),
        ("ring --draw ring.doc", "ring.doc: expected a picture that ends in .png, .svg or .pdf"),
        ("ring --draw gone/ring.png", "gone/ring.png: there is no folder gone to write it in"),
    ],
)
def test_a_mistake_is_one_message_and_nothing_is_written(edgewise, arguments, message):
    before = set(Path().iterdir())
    result = edgewise("graph", *shlex.split(arguments))
    assert result.exit_code == 2 and not result.stdout
    assert message in result.stderr and "Traceback" not in result.output
    assert set(Path().iterdir()) == before
