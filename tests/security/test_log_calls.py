"""What the code may hand to a log, read from the code itself: constant messages, fields of the list, and no print."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from chartcoder.logs import FIELDS

ROOT = Path(__file__).parents[2]
FOLDERS = ("src/chartcoder", "functions", "worker_image", "playbooks/library")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
PRINTING = {
    "src/chartcoder/master.py": "Ansible's own output; the master can read neither charts nor messages",
    "src/chartcoder/outlets.py": "what is told of an exception",
    "src/chartcoder/coding/build.py": "builds the lexicon on a developer's machine",
    "src/chartcoder/coding/machine_code.py": "makes the innermost loops, where the lexicon is built",
    "functions/api/openapi.py": "writes the API's description on a developer's machine",
}


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def is_log_call(call: ast.Call) -> bool:
    match call.func:
        case ast.Attribute(value=ast.Name(id=name) | ast.Attribute(attr=name), attr=level):
            return level in LEVELS and name.strip("_") in ("log", "logger", "logging")
    return False


def faults(source: str) -> list[str]:
    """What is wrong with the log calls of a module, by line."""
    found = []
    for call in calls(ast.parse(source)):
        if isinstance(call.func, ast.Name) and call.func.id == "print":
            found.append(f"{call.lineno}: print")
        if not is_log_call(call):
            continue
        if len(call.args) != 1 or not (isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)):
            found.append(f"{call.lineno}: a message that is no constant")
        for keyword in call.keywords:
            match keyword:
                case ast.keyword(arg="extra", value=ast.Dict(keys=keys)):
                    names = [key.value if isinstance(key, ast.Constant) else None for key in keys]
                    found += [f"{call.lineno}: the field {name}" for name in names if name not in FIELDS]
                case _:
                    found.append(f"{call.lineno}: {keyword.arg} is not read off the page")
    return found


MODULES = sorted(path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_a_log_line_is_a_constant_with_fields_of_the_list(module):
    found = faults((ROOT / module).read_text())
    assert [fault for fault in found if not (fault.endswith("print") and module in PRINTING)] == []


@pytest.mark.parametrize("module", PRINTING)
def test_whoever_may_print_does(module):
    assert any(fault.endswith("print") for fault in faults((ROOT / module).read_text()))


@pytest.mark.parametrize(
    "planted",
    [
        "logger.info(f'coded {chart.text}')",
        "self._log.warning('coded %s', chart.text)",
        "log.error(chart.text)",
        "logger.info('coded', extra={'text': chart.text})",
        "logger.info('coded', extra=about)",
        "logger.info('coded', extra={**about})",
        "logger.info('coded', text=chart.text)",
        "logging.warning('coded ' + chart.text)",
        "print(chart.text)",
    ],
)
def test_a_planted_leak_is_seen(planted):
    assert faults(planted)


def test_every_logger_is_made_by_the_one_that_withholds():
    makers = [module for module in MODULES if makes_a_logger(ast.parse((ROOT / module).read_text()))]
    assert makers == ["src/chartcoder/logs.py"]


def makes_a_logger(tree: ast.AST) -> bool:
    return any(isinstance(call.func, ast.Name) and call.func.id == "Logger" for call in calls(tree))
