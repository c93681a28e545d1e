"""Phrases are the same terms whether they are read from source or by machine code."""

from __future__ import annotations

from pathlib import Path

import pytest

from chartcoder.coding import choosing, matching
from chartcoder.coding.conditions import ChartView
from chartcoder.coding.lexicon.artefact import ARTEFACT, Lexicon
from chartcoder.coding.sections import Sections
from tests.unit.coding.inner.sources import both

SAMPLES = Path(__file__).parents[4] / "samples" / "charts"


def test_charts_have_the_same_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    terms = []
    for module in both("reading"):
        monkeypatch.setattr(matching, "PhraseReader", module.PhraseReader)
        monkeypatch.setattr(choosing, "Choice", module.Choice)
        matcher = matching.Matcher(Lexicon(ARTEFACT))
        texts = [path.read_text(encoding="utf-8") for path in sorted(SAMPLES.glob("*.txt"))]
        terms.append([matcher.find(text, ChartView(text, Sections(text).at)) for text in texts])
    assert terms[0] == terms[1]
    assert sum(map(len, terms[0])) > 1000
