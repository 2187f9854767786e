"""Where the command `edgewise` begins."""

import sys

from edgewise.extras import require


def main() -> None:
    """Run the command line; without its extra, say which."""
    try:
        for module in ("typer", "rich"):
            require(module, extra="cli")
    except ImportError as error:
        print(f"edgewise: {error}", file=sys.stderr)
        sys.exit(2)
    from edgewise.cli.app import app

    app(prog_name="edgewise")
