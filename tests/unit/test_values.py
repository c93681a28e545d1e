import json
import subprocess
import sys

import pytest

from chartcoder import BilledCode, Chart, CodedChart, Finding, RejectedCode
from chartcoder.errors import SettingInvalid, SettingMissing
from chartcoder.settings import Settings

CODED = CodedChart(
    id="b1/c1",
    codes=(BilledCode("E11.22", "Type 2 diabetes", (0,), ("I.A.15 with",), {"V28": ["37"]}),),
    findings=(Finding("DM2", 3, 6, "assessment", "present", None, "E11.9", "Type 2 diabetes"),),
    rejected=(RejectedCode("R07.9", (0,), "negated by 'denies'"),),
    release="2026",
    coder="chartcoder 0.1.0",
    engine="compiled",
)


def test_a_coded_chart_survives_a_round_through_json():
    assert CodedChart.from_dict(json.loads(json.dumps(CODED.as_dict()))) == CODED


def test_neither_a_chart_nor_a_finding_shows_its_words_when_printed():
    finding = Finding("secret", 0, 6, None, "present", "secret", None, None)

    assert "secret" not in f"{Chart('1', 'secret')!r} {finding!r} {finding} {list(finding.__rich_repr__())}"


def test_importing_the_package_loads_neither_spacy_nor_boto3():
    program = "import sys, chartcoder; print([name for name in ('spacy', 'boto3', 'medspacy') if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def required_settings():
    from dataclasses import MISSING, fields

    names = [field.name for field in fields(Settings) if field.default is MISSING]
    return {f"CHARTCODER_{name.upper()}": f"some-{name}" for name in names}


def test_settings_read_back_what_they_hand_on():
    settings = Settings.read(required_settings() | {"CHARTCODER_MAX_WORKERS": "3", "CHARTCODER_BUDGET_USD": "1.5"})

    assert (settings.max_workers, settings.budget_usd) == (3, 1.5)
    assert Settings.read(settings.as_environment()) == settings


def test_every_missing_setting_is_named_with_where_it_is_set():
    environment = required_settings()
    del environment["CHARTCODER_CHARTS_BUCKET"], environment["CHARTCODER_STACK"]

    with pytest.raises(SettingMissing, match=r"CHARTCODER_STACK, CHARTCODER_CHARTS_BUCKET.*template\.yaml"):
        Settings.read(environment)


def test_a_malformed_setting_is_named_with_its_type():
    with pytest.raises(SettingInvalid, match=r"CHARTCODER_MAX_WORKERS is 'many'; expected int"):
        Settings.read(required_settings() | {"CHARTCODER_MAX_WORKERS": "many"})
