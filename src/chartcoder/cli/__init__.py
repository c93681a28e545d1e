"""The command line: `chartcoder <command>`. A module a family of commands; `app.py` holds what they hang on."""

from chartcoder.cli import asking, code, compare, demo, evaluate, explain, plan, results, review, submit  # noqa: F401 (importing a family adds its commands, in this order)
from chartcoder.cli.app import app, main

__all__ = ["app", "main"]
