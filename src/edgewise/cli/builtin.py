"""The recipes that come with the library, found by name."""

from pathlib import Path

import edgewise
from edgewise.names import nearest

RECIPES: dict[str, Path] = {
    file.stem: file for file in sorted((Path(edgewise.__file__).parent / "recipes").glob("*.toml"))
}


def find(recipe: str) -> Path:
    """The file of a recipe: a built-in name, or a path."""
    if recipe in RECIPES:
        return RECIPES[recipe]
    path = Path(recipe)
    if path.is_file():
        return path
    if path.suffix == ".toml" or len(path.parts) > 1:
        raise ValueError(f"recipe {recipe}: there is no such file")
    raise ValueError(f"unknown recipe {recipe!r}. {nearest(recipe, RECIPES)} A path to a TOML file will do, too.")


def label(file: Path) -> str:
    """What to call a recipe: its file's name, or its folder's where it is the one that a run has kept."""
    return file.resolve().parent.name if file.name == "recipe.toml" else file.stem


def complete(incomplete: str) -> list[str]:
    """The names that begin so, for the shell's completion."""
    return [name for name in RECIPES if name.startswith(incomplete)]
