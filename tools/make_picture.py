"""Draw docs/picture.svg: a sentence and a citation graph, heard by one layer.

Run: python tools/make_picture.py
"""

from math import cos, hypot, pi, sin
from pathlib import Path

FILE = Path(__file__).parent.parent / "docs/picture.svg"

WIDTH, HEIGHT = 900, 500
INK, PALE, LOUD, NODE = "#1f2937", "#d5dae1", "#0072b2", "#ffffff"

# The arrowhead of a line of each colour: its name and its own colour.
HEADS = {PALE: ("pale", "#9aa4b2"), LOUD: ("loud", LOUD), INK: ("ink", INK)}

Point = tuple[float, float]

WORDS = ("to", "get", "a", "word", "in", "edgewise")
LISTENER = 3
# How loudly each word is heard by "word", itself included.
WORD_WEIGHTS = (0.10, 0.45, 0.30, 0.15, 0.20, 0.80)

PAPERS: tuple[Point, ...] = (
    (560, 105), (640, 92), (730, 100), (812, 122), (590, 178), (682, 170), (772, 198),
    (545, 250), (640, 262), (722, 268), (815, 262),
)  # fmt: skip
# Sender, receiver: a paper hears those it cites.
CITATIONS = ((0, 1), (1, 2), (4, 0), (5, 1), (2, 3), (3, 6), (4, 7), (7, 8), (9, 10), (6, 10), (8, 9), (5, 2))
READER, HEARD = 5, ((4, 0.30), (6, 0.75), (9, 0.50))

QUESTIONS = (
    ("Who hears whom?", "the graph", "complete · causal · window · tree · edge list"),
    ("How loudly?", "the score", "dot · additive · Gaussian · degree · constant"),
    ("How is it summed?", "the aggregator", "softmax · sum · mean · max"),
)


def text(
    place: Point, words: str, size: int, *, weight: str = "normal", fill: str = INK, anchor: str = "middle"
) -> str:
    """Words at a place; their middle there, unless the anchor says otherwise."""
    return (
        f'<text x="{place[0]:g}" y="{place[1]:g}" font-size="{size}" font-weight="{weight}" fill="{fill}"'
        f' text-anchor="{anchor}">{words}</text>'
    )


def line(a: Point, b: Point, width: float, colour: str, *, arrow: bool = False, gap: float = 0.0) -> str:
    """From a to b, ending `gap` before it."""
    length = hypot(b[0] - a[0], b[1] - a[1])
    x, y = (b[k] - (b[k] - a[k]) * gap / length for k in (0, 1))
    head = f' marker-end="url(#{HEADS[colour][0]})"' if arrow else ""
    return (
        f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{x:.1f}" y2="{y:.1f}" stroke="{colour}"'
        f' stroke-width="{width:g}"{head}/>'
    )


def dot(place: Point, radius: float, *, listens: bool) -> str:
    """A node; filled where it is the one that listens."""
    return (
        f'<circle cx="{place[0]:.1f}" cy="{place[1]:.1f}" r="{radius:g}" fill="{LOUD if listens else NODE}"'
        f' stroke="{INK}" stroke-width="1.5"/>'
    )


def sentence() -> list[str]:
    """The complete graph of six words on a circle; one of them listens."""
    middle, radius = (235.0, 182.0), 92.0
    angles = [-pi / 2 + 2 * pi * (k - 0.5) / len(WORDS) for k in range(len(WORDS))]
    places = [(middle[0] + 1.35 * radius * cos(a), middle[1] + radius * sin(a)) for a in angles]
    drawn = [text((235, 42), "A sentence: every word hears every word", 16, weight="bold")]
    pairs = [(a, b) for a in range(len(WORDS)) for b in range(a) if LISTENER not in (a, b)]
    drawn += [line(places[a], places[b], 1.2, PALE) for a, b in pairs]
    for sender, weight in enumerate(WORD_WEIGHTS):
        if sender != LISTENER:
            drawn.append(line(places[sender], places[LISTENER], 1 + 5 * weight, LOUD, arrow=True, gap=17))
    drawn += [dot(place, 9, listens=n == LISTENER) for n, place in enumerate(places)]
    for (x, y), word, angle in zip(places, WORDS, angles, strict=True):
        side = cos(angle)
        anchor = "start" if side > 0.5 else "end" if side < -0.5 else "middle"
        shift = (16 * (1 if side > 0 else -1), 5) if abs(side) > 0.5 else (0, 27 if sin(angle) > 0 else -16)
        drawn.append(text((x + shift[0], y + shift[1]), word, 15, anchor=anchor))
    return drawn


def citations() -> list[str]:
    """An edge list; one paper listens."""
    drawn = [text((685, 42), "A citation graph: a paper hears those it cites", 16, weight="bold")]
    drawn += [line(PAPERS[a], PAPERS[b], 1.2, PALE, arrow=True, gap=12) for a, b in CITATIONS]
    drawn += [line(PAPERS[a], PAPERS[READER], 1 + 5 * w, LOUD, arrow=True, gap=17) for a, w in HEARD]
    return drawn + [dot(place, 9, listens=n == READER) for n, place in enumerate(PAPERS)]


def layer() -> list[str]:
    """One box for both, with its three questions."""
    drawn = [
        line((235, 300), (330, 332), 2, INK, arrow=True, gap=2),
        line((685, 300), (570, 332), 2, INK, arrow=True, gap=2),
        f'<rect x="30" y="336" width="840" height="136" rx="10" fill="#f3f6fa" stroke="{INK}" stroke-width="1.5"/>',
        text((450, 363), "One layer, the same weights", 17, weight="bold"),
    ]
    for (question, part, values), x in zip(QUESTIONS, (170, 450, 730), strict=True):
        drawn.append(text((x, 398), question, 16, fill=LOUD, weight="bold"))
        drawn += [text((x, 422), part, 15), text((x, 447), values, 12)]
    return drawn


def arrowhead(name: str, colour: str) -> str:
    """A small triangle, of one size whatever the width of the line."""
    return (
        f'<marker id="{name}" viewBox="0 0 10 10" refX="5" refY="5" markerWidth="11" markerHeight="11"'
        f' markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 10 5 0 10z" fill="{colour}"/></marker>'
    )


def picture() -> str:
    """The whole file."""
    told = "A sentence as a complete graph beside a citation graph; one layer hears both and answers three questions."
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
            ' font-family="Helvetica, Arial, DejaVu Sans, sans-serif">',
            f"<title>{told}</title>",
            f"<defs>{''.join(arrowhead(name, colour) for name, colour in HEADS.values())}</defs>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" rx="12" fill="#ffffff"/>',
            *sentence(),
            *citations(),
            *layer(),
            "</svg>",
            "",
        ]
    )


if __name__ == "__main__":
    FILE.write_text(picture(), encoding="utf-8")
    print(f"{FILE}: {FILE.stat().st_size} bytes")
