"""What a run ran on, for its report."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

PACKAGES = ("torch", "lightning", "numpy", "safetensors")


def processor() -> str:
    """The processor's own name for itself where the system tells it, and how many threads PyTorch takes."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {torch.get_num_threads()} threads"


def versions() -> dict[str, str]:
    """Of Python, this library and what it stands on."""
    import edgewise

    found = {"python": platform.python_version(), "edgewise": edgewise.__version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def peak_memory() -> int:
    """The most bytes that the process has held; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held if sys.platform == "darwin" else held * 2**10


def peak_device_memory(device: str) -> int:
    """The most bytes that PyTorch has held on an accelerator; 0 where it does not tell."""
    return torch.cuda.max_memory_allocated(device) if device.startswith("cuda") else 0
