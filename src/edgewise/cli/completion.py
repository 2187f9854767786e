"""What the shell completes besides verbs and options; nothing here loads anything heavy."""

from pathlib import Path

PARTS = ("train", "validation", "test")


def run_folders(incomplete: str) -> list[str]:
    """Folders that hold a run: those in runs/, and those in the folder that is being typed."""
    typed = Path(incomplete)
    beside = typed if incomplete.endswith("/") else typed.parent
    found = {path.parent for folder in (Path("runs"), beside) for path in sorted(folder.glob("*/recipe.toml"))}
    return [str(path) for path in sorted(found) if str(path).startswith(incomplete)]


def runs_and_models(incomplete: str) -> list[str]:
    """Folders of runs, then models."""
    return [*run_folders(incomplete), *models(incomplete)]


def parts(incomplete: str) -> list[str]:
    """The parts of a data set."""
    return [part for part in PARTS if part.startswith(incomplete)]


def models(incomplete: str) -> list[str]:
    """GGUF files, and folders that hold a model, in the folder that is being typed."""
    typed = Path(incomplete)
    beside = typed if incomplete.endswith("/") else typed.parent
    folders = [path.parent for path in sorted(beside.glob("*/config.json"))]
    return [str(path) for path in (*folders, *sorted(beside.glob("*.gguf"))) if str(path).startswith(incomplete)]
