"""Offsets through every writer: the text at a span's offsets is the evidence, whatever characters stand around it."""

import random
from pathlib import Path

import pytest

from chartcoder.chart import Chart
from chartcoder.coding.coder import Coder
from chartcoder.readers import read_chart
from chartcoder.writers import comprehend_answer, fhir_bundle
from tests.unit.writers.r4 import check, walk

SAMPLES = sorted((Path(__file__).parents[3] / "samples/charts").glob("*.txt"))
FOREIGN = [
    "Müller-Böhm",
    "38.5 °C",
    "≥ 5 µg",
    "\U0001f9e0\U0001f468\u200d⚕️",
    "e\u0301",
    "日本",
    "“quoted”",
    "½",
    "\xa0",
    "Ω",
]
FOREIGN_TERMS = ["Sjögren syndrome", "Ménière's disease", "Behçet\u2019s disease"]
CHARTS = 200


@pytest.fixture(scope="module")
def coder():
    return Coder()


def charts():
    """The samples, varied: between lines and words stand characters of one to four bytes."""
    chance = random.Random(6)
    for number in range(CHARTS):
        lines = SAMPLES[number % len(SAMPLES)].read_text(encoding="utf-8").splitlines()
        lines.append(f"Assessment: {chance.choice(FOREIGN_TERMS)}, \U0001f9e0.")
        for _ in range(8):
            lines.insert(chance.randrange(len(lines) + 1), " ".join(chance.sample(FOREIGN, 3)) + ".")
        yield read_chart("\n".join(lines).encode(), chart_id=f"b/{number}")


def test_over_200_charts_with_non_ascii_text_fhir_and_comprehend_keep_every_offset_true(coder):
    spans = 0
    for chart in charts():
        assert not chart.text.isascii()
        result = coder.code(chart).as_dict()
        bundle = fhir_bundle(result, recorded="2026-01-01T00:00:00+00:00", with_refuted=True)
        check(bundle)
        for finding in result["findings"]:
            assert chart.text[finding["start"] : finding["end"]] == finding["text"]
        spans += check_fhir(bundle, chart, result) + check_comprehend(comprehend_answer(result), chart)
    assert spans > 10 * CHARTS


def check_fhir(bundle, chart: Chart, result):
    """Also that none is left out: evidence of each billed code, what the family has, what is denied and not billed."""
    evidence = [
        one["extension"] for one in walk(bundle) if isinstance(one, dict) and one.get("url", "").endswith(":evidence")
    ]
    told = set()
    for parts in evidence:
        said = {part["url"]: part for part in parts}
        start, end = said["start"]["valueUnsignedInt"], said["end"]["valueUnsignedInt"]
        assert chart.text[start:end] == said["text"]["valueString"]
        told.add((start, end))
    findings = result["findings"]
    billed = [findings[place] for code in result["codes"] for place in code["evidence"]]
    stated = {code["code"] for code in result["codes"]}
    others = [f for f in findings if f["code"] and f["assertion"] == "family"]
    others += [f for f in findings if f["code"] and f["assertion"] == "negated" and f["code"] not in stated]
    assert told >= {(f["start"], f["end"]) for f in billed + others}
    return len(evidence)


def check_comprehend(answer, chart: Chart):
    for entity in answer["Entities"]:
        assert chart.text[entity["BeginOffset"] : entity["EndOffset"]] == entity["Text"]
    return len(answer["Entities"])
