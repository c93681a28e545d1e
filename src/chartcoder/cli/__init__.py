"""The command line: `chartcoder <command>`. A module a family of commands; `app.py` holds what they hang on."""

from chartcoder.cli import code, compare, demo, evaluate, explain  # noqa: F401 (importing a family adds its commands, in this order)
from chartcoder.cli.app import app, main

__all__ = ["app", "main"]
