"""The compiled part under AddressSanitizer and UBSan, its tests and a fuzz against it: `make sanitize GRAPHS=100000`.

Built by gcc in build/sanitize, beside the installed one, which stays as it is. Memory that nobody has written to reads
as NaN. First come the tests that reach C++, then random graphs; anything found ends with status 1.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build" / "sanitize"
REPORTS = BUILD / "reports"
# torch.compile compiles its own C++, which is not ours to check.
TESTS = ["tests/native", "tests/kernels", "tests/graph", "--ignore=tests/kernels/test_compile.py", "-m", "not slow"]
FUZZ = ["tests/fuzz", "-s"]
ADDRESS = {
    "halt_on_error": 0,  # a finding fails its test, and the fuzz shrinks it
    "suppress_equal_pcs": 0,
    "detect_leaks": 0,  # Python and PyTorch keep what they hold until the end
    "alloc_dealloc_mismatch": 0,  # PyTorch's own
    "max_malloc_fill_size": 2**20,
    "malloc_fill_byte": 255,
    "redzone": 128,
    "malloc_context_size": 4,
    "quarantine_size_mb": 16,
}
UNDEFINED = {"print_stacktrace": 1}


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--graphs", type=int, default=100_000, help="random graphs in the fuzz (100000: half an hour)")
    graphs = parser.parse_args().graphs
    compiled, compiler = build()
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir()
    environment = os.environ | {
        "LD_PRELOAD": f"{library(compiler, 'libasan.so')} {library(compiler, 'libstdc++.so')}",
        "ASAN_OPTIONS": options(ADDRESS, "asan"),
        "UBSAN_OPTIONS": options(UNDEFINED, "ubsan"),
        "EDGEWISE_SANITIZED": str(compiled),
        "EDGEWISE_SANITIZER_REPORTS": str(REPORTS),
        "EDGEWISE_FUZZ_GRAPHS": str(graphs),
        "OMP_NUM_THREADS": "1",
    }
    plain = ["-q", "-p", "no:xdist", "-p", "no:cacheprovider", "-p", "tests.fuzz.sanitizers"]
    failed = 0
    for what in (TESTS, FUZZ):
        command = [sys.executable, "-m", "pytest", *plain, *what]
        failed += subprocess.run(command, cwd=ROOT, env=environment).returncode != 0
    found = "".join(file.read_text(errors="replace") for file in sorted(REPORTS.glob("*san.*")))
    if failed or found:
        print(found)
        if failed:
            print("the last call of the fuzz:", *(file.read_text() for file in REPORTS.glob("current*")))
        print(f"sanitize: findings above, and in {REPORTS.relative_to(ROOT)}", file=sys.stderr)
        return 1
    print(f"sanitize: nothing found in {' '.join(TESTS[:3])} and on {graphs:,} random graphs")
    return 0


def build() -> tuple[Path, str]:
    """The compiled part, and what compiled it."""
    defined = {"EDGEWISE_SANITIZE": "ON", "CMAKE_BUILD_TYPE": "RelWithDebInfo", "Python_EXECUTABLE": sys.executable}
    tools = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    configure = [
        "cmake",
        "-S",
        ROOT,
        "-B",
        BUILD,
        "-G",
        "Ninja",
        *(f"-D{name}={value}" for name, value in defined.items()),
    ]
    for command in (configure, ["cmake", "--build", BUILD]):
        subprocess.run(command, check=True, env=tools)
    cache = (BUILD / "CMakeCache.txt").read_text()
    (compiler,) = re.findall(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", cache, re.MULTILINE)
    (compiled,) = BUILD.glob("_native.*.so")
    return compiled, compiler


def library(compiler: str, name: str) -> str:
    """Where the compiler keeps a library; it must be loaded before Python is."""
    found = subprocess.run([compiler, f"-print-file-name={name}"], check=True, capture_output=True, text=True).stdout
    if not Path(found.strip()).is_absolute():
        raise SystemExit(f"sanitize: {compiler} has no {name}; use gcc with its sanitizers (CXX=g++)")
    return found.strip()


def options(chosen: dict[str, int], name: str) -> str:
    """What a sanitizer reads from its variable; it reports to files of this name."""
    return ":".join([*(f"{option}={value}" for option, value in chosen.items()), f"log_path={REPORTS / name}"])


if __name__ == "__main__":
    sys.exit(main())
