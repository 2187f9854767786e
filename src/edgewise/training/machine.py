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


def peak_memory(device: str) -> str:
    """The most memory the process has held, in megabytes, and the most on an accelerator."""
    try:
        import resource
    except ImportError:
        return "not told by this system"
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = f"{held / (2**20 if sys.platform == 'darwin' else 2**10):.0f} MB in the process"
    if device.startswith("cuda"):
        told += f", {torch.cuda.max_memory_allocated() / 2**20:.0f} MB on the device"
    return told
