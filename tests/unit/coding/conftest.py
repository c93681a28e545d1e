"""The coder over the built lexicon: `make setup` (or `python -m chartcoder.coding.build`) builds it."""

from collections.abc import Callable

import pytest

from chartcoder.chart import Chart, CodedChart, Setting
from chartcoder.coding import machine_code
from chartcoder.coding.coder import Coder

if machine_code.is_of_other_sources():
    raise pytest.UsageError(
        "these tests would run machine code of other sources: "
        "`python -m chartcoder.coding.machine_code` makes it anew, with --remove the sources run"
    )


@pytest.fixture(scope="session")
def coder() -> Coder:
    return Coder(engine="compiled")


@pytest.fixture(scope="session")
def code(coder: Coder) -> Callable[..., CodedChart]:
    def code_text(text: str, setting: Setting | None = None) -> CodedChart:
        return coder.code(Chart(id="test/1", text=text, setting=setting))

    return code_text
