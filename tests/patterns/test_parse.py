"""The parser reads what Python would, runs nothing, and points at what it cannot read."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.patterns.own import dilated

from edgewise.patterns import (
    PATTERNS,
    Complement,
    Difference,
    Intersection,
    Union,
    blocks,
    causal,
    complete,
    fixed,
    hubs,
    parse,
    random_regular,
    ring,
    tree,
    window,
)

a, b, c = causal(), ring(), complete()


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("causal", a),
        ("causal()", a),
        (" causal ( ) ", a),
        ("((causal))", a),
        ("window(127, 0)", window(127, 0)),
        ("window(before=1, after=0)", window(1, 0)),
        ("window(1, after=0)", window(1, 0)),
        ("window(after=0,before=1)", window(1, 0)),
        ("blocks(None)", blocks()),
        ("hubs(3, 0)", hubs(0, 3)),
        ("random_regular(3, seed=7)", random_regular(3, 7)),
        ("causal | ring & complete", Union(a, Intersection(b, c))),
        ("causal & ring | complete", Union(Intersection(a, b), c)),
        ("causal & ring - complete", Intersection(a, Difference(b, c))),
        ("causal - ring & complete", Intersection(Difference(a, b), c)),
        ("~causal - ring", Difference(Complement(a), b)),
        ("~(causal - ring)", Complement(Difference(a, b))),
        ("causal | ring | complete", Union(Union(a, b), c)),
        ("causal - ring - complete", Difference(Difference(a, b), c)),
        ("causal - (ring - complete)", Difference(a, Difference(b, c))),
        ("~~causal", Complement(Complement(a))),
        ("causal\n  & window(1, 0)\n\t| hubs(0)\n", a & window(1, 0) | hubs(0)),
        ("tests.patterns.own:dilated(2, -3)", dilated(2, -3)),
        (
            "tests.patterns.own:dilated(2, loudness=-1.5e1, label='a\\'b', exact=True)",
            dilated(2, 1, -15.0, "a'b", exact=True),
        ),
        ("edgewise.patterns:causal & ring", a & b),
    ],
)
def test_text_is_read_as_python_reads_it(text, pattern):
    assert parse(text) == pattern
    if ":" not in text and "None" not in text:
        namespace = dict(PATTERNS)
        called = re.sub(r"\b([a-z_]+)\b(?! *[(=])", r"\1()", " ".join(text.split()))
        assert eval(called, namespace) == pattern


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 0, "expected a pattern's name, ~ or (, got the end"),
        ("   ", 3, "expected a pattern's name, ~ or (, got the end"),
        ("causal &", 8, "expected a pattern's name, ~ or (, got the end"),
        ("causal & | ring", 9, "expected a pattern's name, ~ or (, got '|'"),
        ("& causal", 0, "expected a pattern's name, ~ or (, got '&'"),
        ("causal ring", 7, "expected one of | & - or the end, got 'ring'"),
        ("causal)", 6, "expected one of | & - or the end, got ')'"),
        ("(causal & ring", 14, "expected ) or one of | & -, got the end"),
        ("causal ~ ring", 7, "expected one of | & - or the end, got '~'"),
        ("causal + ring", 7, "unexpected '+'; a pattern is made of names, numbers and | & - ~ ( ) , ="),
        ("causal & wndow(127, 0)", 9, "unknown name 'wndow'. Known: blocks, causal, complete, fixed, grid, hubs, "
         "links, random_regular, ring, spans, strided, tree, window. Did you mean 'window'?"),
        ("window", 0, "window(before, after): missing a required argument: 'before'"),
        ("causal | window(1)", 9, "window(before, after): missing a required argument: 'after'"),
        ("window(1, 2, 3)", 0, "window(before, after): too many positional arguments"),
        ("window(1, before=2)", 0, "window(before, after): multiple values for argument 'before'"),
        ("window(1, 2", 11, "expected , or ), got the end"),
        ("window(1 2)", 9, "expected , or ), got '2'"),
        ("window(1,)", 9, "expected a number, got ')'"),
        ("window(, 1)", 7, "expected a number, got ','"),
        ("window(-, 1)", 8, "expected a number, got ','"),
        ("window(-'1', 1)", 8, "expected a number, got \"'1'\""),
        ("window(--1, 1)", 8, "expected a number, got '-'"),
        ("window(-None, 1)", 8, "expected a number, got 'None'"),
        ("window(one, 1)", 7, "expected a number or name=number, got 'one'"),
        ("window(before=1, 2)", 17, "window: a positional argument after a keyword argument; write its name too"),
        ("window(before=1, before=2)", 17, "window: before is given twice"),
        ("window(befor=1, after=2)", 7, "window: unknown argument 'befor'. Known: after, before. Did"),
        ("window(before=, after=2)", 14, "expected a number, got ','"),
        ("window(1e, 2)", 7, "unexpected '1'; a pattern is made of"),
        ("window(007, 2)", 7, "unexpected '0'; a pattern is made of"),
        ("window('\\x', 2)", 7, "cannot read '\\x': "),
        ("window(\u0663, 2)", 7, "unexpected '\u0663'; a pattern is made of"),
        ("window(0x1, 2)", 7, "unexpected '0'; a pattern is made of"),
        ("causal & window(-1, 0)", 9, "window: before must be at least 0, got -1. It counts nodes to the left "
         "besides the node itself."),
        ("window(1.5, 0)", 0, "window: before must be an integer, got 1.5."),
        ("window(True, 0)", 0, "window: before must be an integer, got True."),
        ("hubs()", 0, "hubs: expected at least one node"),
        ("causal.x", 6, "unexpected '.'"),
        ("no.such.module:thing", 0, "'no.such.module:thing': there is no module 'no' to import"),
        ("tests.patterns.own:dilatd(1)", 0, "'tests.patterns.own:dilatd': module 'tests.patterns.own' has no"),
        ("ring | tests.patterns.own:NUMBER", 7, "'tests.patterns.own:NUMBER' is no Pattern but 3"),
        ("builtins:print(1)", 0, "'builtins:print' is no Pattern but <built-in function print>"),
        ("__import__('os')", 0, "unknown name '__import__'"),
    ],
)  # fmt: skip
def test_error_says_what_was_expected_and_points_at_the_column(text, column, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        parse(text)
    first, line, caret = str(caught.value).splitlines()
    assert first.startswith(f"pattern: {message}")
    assert line == f"  {text}"
    assert caret == f"  {' ' * column}^"


def test_error_shows_the_line_of_a_long_text():
    with pytest.raises(ValueError, match="unknown name 'wndow'") as caught:
        parse("causal\n\t& wndow(1, 0)\n| hubs(0)")
    assert str(caught.value).splitlines()[1:] == ["  \t& wndow(1, 0)", "  \t  ^"]


def test_end_of_a_text_that_ends_in_a_line_break():
    with pytest.raises(ValueError, match="got the end") as caught:
        parse("causal &\n")
    assert str(caught.value).splitlines()[1:] == ["  ", "  ^"]


@settings(deadline=None)
@given(st.lists(st.sampled_from([*" \n|&~-()=,.'1e0", "causal", "window", "hubs(0)", "before=", "None"]), max_size=12))
def test_any_text_is_a_pattern_or_refused(words):
    text = "".join(words)
    refusal = ""
    try:
        assert parse(str(parse(text))) == parse(text)
    except ValueError as error:
        refusal = str(error)
    assert re.fullmatch(r"(?s)|pattern: .+\n  .*\n  \s*\^", refusal)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("value", [None, 3, causal()])
def test_only_text_is_parsed(value):
    with pytest.raises(TypeError, match="parse: expected a pattern's text, got"):
        parse(value)


def test_a_family_added_to_the_registry_is_known(monkeypatch):
    monkeypatch.setitem(PATTERNS, "dilated", dilated)
    assert parse("dilated(2) & tree(3)") == dilated(2) & tree(3)
    assert parse("fixed(4, summary=2)") == fixed(4, 2)
