"""The house: imports point down, faces only re-export, registry entries say what they are, only cli talks."""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

import pytest

import edgewise

SOURCE = Path(edgewise.__file__).parent
TESTS = Path(__file__).parent

GROUND_FLOOR = {"names", "extras", "part", "ranks", "native", "_native"}
# Each room and those it stands on directly; what they stand on is below it too.
STANDS_ON = {
    "graph": [],
    "patterns": ["graph"],
    "kernels": ["graph"],
    "layers": ["kernels", "patterns"],
    "models": ["layers"],
    "data": ["graph", "patterns"],
    "training": ["models", "data"],
    "pretrained": ["models"],
    "generation": ["models"],
    "analysis": ["training", "pretrained", "generation"],
    "viewer": ["analysis"],
    "cli": ["viewer"],
    "recipes": [],
}
ROOMS = sorted(room for room in STANDS_ON if (SOURCE / room / "__init__.py").exists())
FILES = sorted(SOURCE.rglob("*.py"))


def below(room: str) -> set[str]:
    """Every room that `room` may import: the ones it stands on, all the way down."""
    return {deep for direct in STANDS_ON[room] for deep in {direct, *below(direct)}}


def room_of(module: str) -> str:
    """`edgewise.graph.runs` is in room `graph`; a name of the face is in the room that the face takes it from."""
    inner = module.split(".")[1]
    return edgewise._HOME.get(inner, inner)


def imports_of(source: str, module: str) -> Iterator[tuple[int, str]]:
    """Line and full name of each import of the library's own, inside functions and by `import_module` too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = module.rsplit(".", node.level)[0] + "." if node.level else ""
            base = f"{package}{node.module or ''}".rstrip(".")
            found = [f"edgewise.{alias.name}" for alias in node.names] if base == "edgewise" else [base]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            found = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
        else:
            continue
        yield from ((node.lineno, name) for name in found if name.startswith("edgewise."))


def imports_that_point_up(source: str, module: str) -> list[str]:
    here = room_of(module)
    allowed = GROUND_FLOOR | ({here} | below(here) if here in STANDS_ON else set())
    return [
        f"{module}:{line} imports {name}: {here} may stand on {sorted(allowed - {here}) or 'nothing'} only"
        for line, name in imports_of(source, module)
        if room_of(name) not in allowed
    ]


def is_dict(node: ast.expr | None) -> bool:
    called = isinstance(node, ast.Call) and ast.unparse(node.func) in {"dict", "MappingProxyType"}
    return called or isinstance(node, ast.Dict | ast.DictComp)


def definitions_in_face(source: str) -> list[str]:
    """What a room's `__init__` holds besides its docstring, imports, `__all__` and dicts in capitals."""
    found = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.Assign | ast.AnnAssign):
            (target,) = node.targets if isinstance(node, ast.Assign) else [node.target]
            name = ast.unparse(target)
            if name == "__all__" or (name.isupper() and is_dict(node.value)):
                continue
        found.append(f"line {node.lineno}: {ast.unparse(node).splitlines()[0]}")
    return found


def talk(source: str) -> list[str]:
    """Printing and exiting, which only cli does."""
    calls = {"print", "exit", "quit", "input", "breakpoint", "sys.exit", "os._exit"}
    streams = {"sys.stdout.write", "sys.stderr.write"}
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in calls | streams:
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
        if isinstance(node, ast.Raise) and node.exc is not None and "SystemExit" in ast.unparse(node.exc):
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


def undocumented(registry: Mapping[str, object]) -> list[str]:
    """Entries whose own docstring has no first line; a dataclass's made-up one and a parent's do not count."""
    found = []
    for name, entry in registry.items():
        if not callable(entry):
            continue
        doc = (entry.__dict__.get("__doc__") if inspect.isclass(entry) else entry.__doc__) or ""
        made_up = inspect.isclass(entry) and re.match(rf"{re.escape(entry.__name__)}\(.*\)\Z", doc, re.DOTALL)
        if made_up or not doc.partition("\n")[0].strip():
            found.append(name)
    return found


def registries() -> list[tuple[str, str, Mapping[str, object]]]:
    return [
        (room, name, value)
        for room in ROOMS
        for name, value in vars(import_module(f"edgewise.{room}")).items()
        if name.isupper() and isinstance(value, Mapping)
    ]


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(SOURCE.parent).with_suffix("").parts)


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_imports_point_down(file):
    if file != SOURCE / "__init__.py":
        assert not imports_that_point_up(file.read_text(), module_of(file))


def test_every_folder_is_a_room_of_the_house():
    folders = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= set(STANDS_ON)


@pytest.mark.parametrize("room", ROOMS)
def test_a_face_only_re_exports(room):
    assert not definitions_in_face((SOURCE / room / "__init__.py").read_text())


@pytest.mark.parametrize("file", [file for file in FILES if "cli" not in file.parts], ids=module_of)
def test_nothing_below_cli_prints_or_exits(file):
    assert not talk(file.read_text())


def test_every_registry_entry_says_what_it_is():
    assert not [f"{room}.{name}[{key!r}]" for room, name, known in registries() for key in undocumented(known)]


def test_every_registry_is_run_over_by_a_test():
    tests = "".join(file.read_text() for file in TESTS.rglob("test_*.py"))
    assert not [f"{room}.{name}" for room, name, _ in registries() if not re.search(rf"\b{name}\b", tests)]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("edgewise.graph.runs", "import edgewise.kernels.plan"),
        ("edgewise.graph.runs", "def f():\n    from edgewise import attend"),
        ("edgewise.graph.runs", "from edgewise import patterns"),
        ("edgewise.kernels.plan", "from ..patterns import window"),
        ("edgewise.training.loop", "from edgewise.pretrained import gpt2"),
        ("edgewise.data.cora", "from edgewise.models.network import Network"),
        ("edgewise.names", "from edgewise.graph.runs import Runs"),
        ("edgewise.layers.block", "import_module('edgewise.models')"),
    ],
)
def test_an_import_that_points_up_or_sideways_is_seen(module, source):
    assert imports_that_point_up(source, module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("edgewise.cli.main", "from edgewise.training.loop import fit"),
        ("edgewise.layers.block", "from edgewise import Graph\nfrom edgewise.names import lookup"),
        ("edgewise.graph.graph", "from .runs import Runs\nimport torch"),
        ("edgewise.analysis.trace", "import edgewise.graph"),
    ],
)
def test_an_import_that_points_down_passes(module, source):
    assert not imports_that_point_up(source, module)


@pytest.mark.parametrize(
    "source", ["def f(): ...", "class A: ...", "LIMIT = 3", "known = {}", "f()", "for x in y: ..."]
)
def test_a_face_that_defines_something_is_seen(source):
    assert definitions_in_face(f'"""A room."""\nfrom a import b\nKNOWN = {{"b": b}}\n__all__ = ["b"]\n{source}')
    assert not definitions_in_face('"""A room."""\nfrom a import b\nKNOWN: dict[str, int] = {"b": b}')


@pytest.mark.parametrize(
    "source", ["print(1)", "sys.exit(1)", "exit()", "raise SystemExit(2)", "sys.stdout.write('a')"]
)
def test_talk_is_seen(source):
    assert talk(f"def f():\n    {source}")
    assert not talk('def f():\n    """print(1)"""\n    fingerprint(2)')


def test_an_undocumented_entry_is_seen():
    from dataclasses import dataclass

    class Documented:
        """Says what it is."""

    class Inherits(Documented):
        pass

    @dataclass
    class MadeUp:
        size: int

    known = {"ok": Documented, "inherits": Inherits, "made up": MadeUp, "function": lambda: None, "value": 3}
    assert undocumented(known) == ["inherits", "made up", "function"]
