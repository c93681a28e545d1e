"""Every process of ours is contained from its start: read from the code of each entry point."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HANDLERS = sorted(
    path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("functions/*/app.py"), ROOT / "worker_image/function.py")
)
MAINS = ("src/chartcoder/worker.py", "src/chartcoder/master.py", "src/chartcoder/cli/app.py")


def read(module: str) -> ast.Module:
    return ast.parse((ROOT / module).read_text())


def function(module: str, name: str) -> ast.FunctionDef:
    return next(node for node in read(module).body if isinstance(node, ast.FunctionDef) and node.name == name)


def is_call_of(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == name


def test_every_function_of_the_template_is_among_the_handlers():
    commands = [line.split("[")[-1].split("]")[0] for line in (ROOT / "template.yaml").read_text().splitlines()
                if "Command: [" in line]  # fmt: skip
    named = {f"{command.removesuffix('.handler').replace('.', '/')}.py" for command in commands if "handler" in command}
    assert named == set(HANDLERS)


@pytest.mark.parametrize("module", HANDLERS)
def test_a_functions_outermost_layer_lets_nobody_elses_words_out(module):
    decorators = [ast.unparse(decorator) for decorator in function(module, "handler").decorator_list]
    assert decorators[0] == "contained"
    assert all("log_event=False" in one for one in decorators if "inject_lambda_context" in one)
    assert all(
        "capture_response=False" in one and "capture_error=False" in one for one in decorators if "tracer" in one
    )


@pytest.mark.parametrize("module", HANDLERS)
def test_a_function_is_contained_before_it_makes_anything(module):
    acts = [node for node in read(module).body if any(isinstance(held, ast.Call) for held in ast.walk(node))]
    assert is_call_of(acts[0], "contain_process")


@pytest.mark.parametrize("module", MAINS)
def test_a_programs_first_act_is_to_contain_itself(module):
    acts = [node for node in function(module, "main").body if not isinstance(node, ast.Import | ast.ImportFrom)]
    assert is_call_of(acts[1], "contain_process"), "after the docstring"
