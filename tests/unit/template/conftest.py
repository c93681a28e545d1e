"""The stack that template.yaml stands for, under each set of parameters that changes what is in it."""

from __future__ import annotations

from typing import Any

import pytest

from embedded.stack import expand_template
from tests.unit.template.cloudformation import TEMPLATE, VARIANTS, Stack


@pytest.fixture(scope="session")
def expanded_template() -> dict[str, Any]:
    """template.yaml after SAM's transform; intrinsic functions stand as they are."""
    return expand_template(TEMPLATE, {})


@pytest.fixture(scope="session", params=VARIANTS.values(), ids=VARIANTS)
def stack(expanded_template: dict[str, Any], request: pytest.FixtureRequest) -> Stack:
    """Every control is asked of every variant."""
    return Stack(expanded_template, request.param)
