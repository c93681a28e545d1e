"""What every command hangs on, and how the program ends.

A family of commands is a module of this folder: it decorates its functions with `@app.command(epilog=examples(...))`
and is imported in `__init__.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TypeVar

import typer

from chartcoder.errors import BadRequest, ChartcoderError
from chartcoder.outlets import contain_process
from chartcoder.protected import trace

Choice = TypeVar("Choice")

app = typer.Typer(
    help="Clinical charts to ICD-10-CM codes, with the evidence for each.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,  # a pretty traceback shows local variables: a chart's text would be one
)


def examples(*lines: str) -> str:
    """The epilog of a command's help: one example a line, as they are typed."""
    return "Examples:\n\n" + "\n\n".join(f"    {line}" for line in lines)


def one_of(choices: Sequence[Choice], value: str, what: str) -> Choice:
    """The choice that an option's value names. Raises BadRequest with the choices there are."""
    for choice in choices:
        if choice == value:
            return choice
    raise BadRequest(f"unknown {what} {value!r}: one of {', '.join(map(str, choices))}")


def main() -> None:
    """The console script: errors of ours are one line on stderr, without a traceback; of any other the type and the
    places are told, since its words may quote a chart."""
    contain_process()
    try:
        app()
    except ChartcoderError as error:
        typer.echo(f"chartcoder: {error}", err=True)
        sys.exit(2)
    except Exception as error:  # Typer's own hook would print it whole
        typer.echo(f"chartcoder failed: {trace(error)}", err=True)
        sys.exit(1)
