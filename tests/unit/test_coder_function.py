"""The coder's function, on its recorded events: a text or a request in, codes or a problem out."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from chartcoder.errors import BadRequest
from chartcoder.settings import PREFIX, Settings

EVENTS = Path(__file__).parents[2] / "events" / "coder"
CONTEXT = SimpleNamespace(
    aws_request_id="2c5f4b1e-0d5e-4b7e-9a52-1c9e4f1f6a10",
    function_name="chartcoder-coder",
    memory_limit_in_mb=1769,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:chartcoder-coder",
)


@pytest.fixture(scope="module")
def function() -> ModuleType:
    """The function's module, imported as Lambda imports it: once, with the template's environment."""
    with pytest.MonkeyPatch.context() as patch:
        for field in fields(Settings):
            if field.default is MISSING:
                patch.setenv(PREFIX + field.name.upper(), "unused")
        import worker_image.function

        return worker_image.function


def invoke(function: ModuleType, case: str) -> dict[str, Any]:
    answer: dict[str, Any] = function.handler(json.loads((EVENTS / f"{case}.json").read_text()), CONTEXT)
    return answer


def http(function: ModuleType, body: str, *, encoded: bool = False) -> dict[str, Any]:
    event = json.loads((EVENTS / "http.json").read_text()) | {"body": body, "isBase64Encoded": encoded}
    answer: dict[str, Any] = function.handler(event, CONTEXT)
    return answer


def test_a_text_gives_its_codes_with_their_evidence(function: ModuleType) -> None:
    event = json.loads((EVENTS / "text.json").read_text())
    coded = invoke(function, "text")
    assert coded["id"] == "demo/visit-1"
    assert {"E11.42", "I10"} <= {code["code"] for code in coded["codes"]}
    for code in coded["codes"]:
        assert code["evidence"]
    for finding in coded["findings"]:
        assert event["text"][finding["start"] : finding["end"]] == finding["text"]


def test_a_request_gives_the_same_as_json_that_nobody_keeps(function: ModuleType) -> None:
    answer = invoke(function, "http")
    assert answer["statusCode"] == 200
    assert answer["headers"] == {
        "Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
    }  # fmt: skip
    assert "J18.9" in [code["code"] for code in json.loads(answer["body"])["codes"]]


def test_an_empty_text_has_no_codes(function: ModuleType) -> None:
    assert not invoke(function, "empty_text")["codes"]


def test_a_chart_without_an_id_has_the_requests(function: ModuleType) -> None:
    assert invoke(function, "empty_text")["id"] == CONTEXT.aws_request_id


def test_an_event_without_a_text_says_what_was_expected(function: ModuleType) -> None:
    with pytest.raises(BadRequest, match="expected a JSON object"):
        invoke(function, "no_text")


def test_an_unknown_setting_is_told_the_known_ones(function: ModuleType) -> None:
    answer = invoke(function, "http_wrong_setting")
    assert answer["statusCode"] == 400
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert json.loads(answer["body"])["detail"] == "setting is none of inpatient, outpatient"


@pytest.mark.parametrize(
    ("body", "encoded"),
    [
        ("", False),
        ("[]", False),
        ("null", False),
        ('{"text": 5}', False),
        ('{"text": "Zebrafish', False),
        ("Zebrafish!", True),
        ("/////w==", True),
        ("[" * 200_000, False),
    ],
)
def test_a_body_that_is_no_request_is_refused_without_repeating_it(
    function: ModuleType, body: str, encoded: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = http(function, body, encoded=encoded)
    assert answer["statusCode"] == 400
    written = capsys.readouterr()
    assert "Zebrafish" not in answer["body"] + written.out + written.err


def test_a_chart_leaves_no_word_in_the_log(function: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    http(function, json.dumps({"text": "Assessment: gout. Lives in Quillomont."}))
    written = capsys.readouterr()
    assert "Quillomont" not in written.out + written.err
    assert "gout" not in (written.out + written.err).lower()
