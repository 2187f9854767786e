"""Errors on their way out: a message and an exit code, no traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

WRONG = 2
INTERRUPTED = 130


@contextmanager
def door(*mendable: type[Exception]) -> Iterator[None]:
    """Turn errors of these kinds, which people can mend, into one message on stderr and exit code 2.

    Any other error is a mistake in a program, which wants its traceback.
    """
    try:
        yield
    except mendable as error:
        typer.echo(f"edgewise: {error}", err=True)
        raise typer.Exit(WRONG) from error


@contextmanager
def stoppable() -> Iterator[None]:
    """Turn Ctrl-C into one line and exit code 130."""
    try:
        yield
    except KeyboardInterrupt as interrupted:
        typer.echo("edgewise: stopped", err=True)
        raise typer.Exit(INTERRUPTED) from interrupted
