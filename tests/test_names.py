"""The ground floor: names become objects, parts are built, extras are named, the face is lazy."""

import json
import subprocess
import sys

import pytest

import edgewise
from edgewise.extras import require
from edgewise.names import lookup, nearest
from edgewise.part import Part, imported


class Ring:
    def __init__(self, width: int, hops: int = 1):
        self.width, self.hops = width, hops


def anything(**options):
    return options


def nothing_known(*sizes):
    return sizes


KNOWN = {"ring": Ring, "anything": anything, "nothing": nothing_known}


def test_a_known_name_gives_its_value():
    assert lookup("sum", {"sum": 1}, "aggregator") == 1


def test_an_unknown_name_lists_the_known_ones_and_the_nearest():
    with pytest.raises(ValueError, match=r"^unknown aggregator 'men'\. Known: max, mean, sum\. Did you mean 'mean'\?$"):
        lookup("men", dict.fromkeys(["sum", "mean", "max"]), "aggregator")


def test_a_name_near_to_nothing_gets_no_guess():
    with pytest.raises(ValueError, match=r"^unknown norm 'xyzzy'\. Known: batch, layer\.$"):
        lookup("xyzzy", dict.fromkeys(["layer", "batch"]), "norm")


def test_no_known_names_at_all_is_said():
    assert nearest("ring", []) == "Known: none."


def test_a_part_reads_names_tables_and_parts():
    assert Part.of("ring") == Part("ring")
    assert Part.of({"name": "ring", "hops": 2}) == Part("ring", {"hops": 2})
    assert Part.of(Part("ring")) == Part("ring")


@pytest.mark.parametrize("part", [Part("ring"), Part("ring", {"hops": 2})])
def test_a_part_comes_back_from_its_shortest_form(part):
    again = Part.of(part.as_table())
    assert again == part
    assert hash(again) == hash(part)


def test_reading_a_part_leaves_the_table_as_it_was():
    table = {"name": "ring", "hops": 2}
    Part.of(table)
    assert table == {"name": "ring", "hops": 2}


@pytest.mark.parametrize("table", [{"hops": 2}, {"name": 3}])
def test_a_table_without_a_name_is_refused(table):
    with pytest.raises(ValueError, match=r"part: expected a table with a 'name', got \{.*\}; write \{name = \"dot\"\}"):
        Part.of(table)


def test_a_part_is_shown_as_it_would_be_called():
    assert repr(Part("ring", {"hops": 2})) == "Part('ring', hops=2)"


def test_a_part_takes_what_it_names_of_the_context():
    ring = Part("ring", {"hops": 2}).build(KNOWN, "pattern", width=8, heads=4)
    assert (ring.width, ring.hops) == (8, 2)


def test_a_part_that_catches_all_is_given_all():
    built = Part("anything", {"depth": 3}).build(KNOWN, "pattern", width=8)
    assert built == {"width": 8, "depth": 3}


def test_starred_parameters_are_not_needed():
    assert Part("nothing").build(KNOWN, "pattern") == ()


def test_an_unknown_option_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"pattern 'ring': unknown option 'hop'\. Known: hops\. Did you mean 'hops'\?"):
        Part("ring", {"hop": 2}).build(KNOWN, "pattern", width=8)


def test_a_missing_option_is_named():
    with pytest.raises(ValueError, match=r"pattern 'ring': needs the option 'width', which is not given"):
        Part("ring").build(KNOWN, "pattern")


def test_an_unknown_part_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown pattern 'rng'\. Known: anything, nothing, ring"):
        Part("rng").build(KNOWN, "pattern")


def test_a_name_with_a_colon_is_imported():
    assert Part("fractions:Fraction", {"numerator": 3}).build({}, "number") == 3
    assert imported("math:floor", "function")(1.5) == 1


def test_what_is_imported_must_be_a_class_or_a_function():
    with pytest.raises(TypeError, match="number 'math:pi': expected a class or a function, got float"):
        Part("math:pi").build({}, "number")


def test_what_a_module_misses_is_named(tmp_path, monkeypatch):
    (tmp_path / "my_scores.py").write_text("import no_such_module\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="score 'my_scores:X': there is no module 'no_such_module' to import"):
        imported("my_scores:X", "score")


def test_options_are_plain_values_so_that_what_is_written_and_read_is_equal():
    part = Part("several", {"of": ["mean", Part("ring", {"hops": [1, 2]})]})
    assert part.options == {"of": ("mean", {"name": "ring", "hops": (1, 2)})}
    assert Part.of(json.loads(json.dumps(part.as_table()))) == part


def test_what_the_builder_offers_is_no_option():
    with pytest.raises(ValueError, match="pattern 'anything': unknown option 'width'"):
        Part("anything", {"width": 3}).build(KNOWN, "pattern", width=8)


def test_importing_from_no_module_is_said():
    with pytest.raises(ValueError, match=r"score 'no_such_module:X': there is no module 'no_such_module' to import"):
        imported("no_such_module:X", "score")


def test_importing_a_name_the_module_lacks_gives_the_nearest():
    with pytest.raises(
        ValueError, match=r"function 'math:flor': module 'math' has no 'flor'\..*Did you mean 'floor'\?"
    ):
        imported("math:flor", "function")


def test_a_module_at_hand_is_imported():
    assert require("json", extra="graph").loads("1") == 1


def test_a_missing_module_names_its_extra():
    message = r"^no_such_module is needed here and not installed: pip install 'edgewise\[graph\]'$"
    with pytest.raises(ImportError, match=message):
        require("no_such_module.inner", extra="graph")


def test_a_module_that_misses_something_itself_is_not_blamed_on_the_extra(tmp_path, monkeypatch):
    (tmp_path / "needs_more.py").write_text("import no_such_module\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_module'"):
        require("needs_more", extra="graph")


def test_importing_the_face_alone_does_not_import_torch():
    code = "import sys, edgewise; assert 'torch' not in sys.modules; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", edgewise.__all__)
def test_every_name_of_the_face_is_there(name):
    assert getattr(edgewise, name) is not None
    assert name in dir(edgewise)


def test_a_name_the_face_lacks_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'edgewise' has no attribute 'grph'"):
        _ = edgewise.grph
