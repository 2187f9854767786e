"""What is installed: the version, the extras, the wheel and the sdist, and an install that cannot compile."""

import ast
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest

import edgewise
from edgewise import native

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
SOURCE = ROOT / "src/edgewise"


def distribution(requirement):
    return re.split(r"[<>=\[;]", requirement)[0].lower().replace("_", "-")


def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.lower().replace("_", "-").split("==") for line in lines if not line.startswith("#"))


def packaged_files():
    """The files of the package that belong to the project: what a compiler or an interpreter left there does not."""
    return {
        str(path.relative_to(SOURCE.parent))
        for path in SOURCE.rglob("*")
        if path.is_file() and path.suffix != ".so" and "__pycache__" not in path.parts
    }


def test_the_installed_version_is_the_one_of_the_face():
    assert version("edgewise") == edgewise.__version__


def test_every_development_dependency_is_pinned():
    asked = {*PROJECT["dependencies"], *(line for lines in EXTRAS.values() for line in lines)}
    assert {distribution(line) for line in asked} - {"edgewise"} <= set(pins())


def test_the_pins_are_what_is_installed():
    names = sorted({distribution(line) for lines in EXTRAS.values() for line in lines} - {"edgewise"})
    assert [f"{name}=={version(name)}" for name in names] == [f"{name}=={pins()[name]}" for name in names]


def test_all_takes_every_extra_but_dev():
    (everything,) = EXTRAS["all"]
    assert set(re.split(r"[\[\],]", everything)) - {"edgewise", ""} == set(EXTRAS) - {"all", "dev"}


def test_every_extra_that_an_error_names_brings_the_module():
    distributions = packages_distributions()
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "require" and node.args):
                continue
            module, extra = [*node.args, *(keyword.value for keyword in node.keywords)][:2]
            if isinstance(module, ast.Constant) and isinstance(extra, ast.Constant):
                provided = {name.lower().replace("_", "-") for name in distributions[module.value.split(".")[0]]}
                assert provided & set(map(distribution, EXTRAS[extra.value])), f"{file}: {module.value}"


def build(what, folder, source, **environment):
    command = [sys.executable, "-m", "build", "--no-isolation", f"--{what}", "--outdir", str(folder), str(source)]
    command += ["--config-setting", f"build-dir={folder / 'build'}"]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.tar.gz" if what == "sdist" else "*.whl")
    return built, done.stdout + done.stderr


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """The sdist, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(build("sdist", folder, ROOT)[0]) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = folder.glob("edgewise-*/")
    return unpacked


def run_installed(wheel, folder, code):
    """Run `code` against the wheel's contents alone, away from the checkout."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    setup = f"import sys; sys.path.insert(0, {str(folder / 'site')!r}); sys.meta_path[:] = sys.meta_path[-3:]; "
    return subprocess.run(
        [sys.executable, "-c", setup + code], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.slow
def test_the_sdist_holds_the_package_and_no_build(sdist):
    files = {str(path.relative_to(sdist)) for path in sdist.rglob("*") if path.is_file()}
    assert {f"src/{name}" for name in packaged_files()} <= files
    assert {"LICENSE", "NOTICE", "README.md", "CMakeLists.txt", "src/native/module.cpp"} <= files
    assert not [name for name in files if name.endswith(".so") or name.startswith(("build/", "runs/", ".venv/"))]


@pytest.mark.slow
def test_the_wheel_of_the_sdist_holds_the_package_and_runs(sdist, tmp_path):
    wheel, _ = build("wheel", tmp_path, sdist)
    names = set(zipfile.ZipFile(wheel).namelist())
    assert packaged_files() <= names
    assert not [name for name in names if name.startswith(("tests/", "src/"))]
    code = "import edgewise; from edgewise import native; print(edgewise.__file__); print(native.available())"
    where, compiled = run_installed(wheel, tmp_path, code).split()
    assert Path(where).is_relative_to(tmp_path)
    assert compiled == str(native.available())


@pytest.mark.slow
def test_without_a_compiler_the_install_works_and_says_so(sdist, tmp_path):
    wheel, told = build("wheel", tmp_path, sdist, CXX="/nonexistent/c++", CC="/nonexistent/cc")
    assert "installing without the compiled part" in " ".join(told.split())
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".so")]
    code = "import warnings; warnings.simplefilter('ignore'); from edgewise import native; print(native.module())"
    assert run_installed(wheel, tmp_path, code) == "None\n"
