"""Chart to codes: the room's public face."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chartcoder.chart import Assertion, Chart, CodedChart, Finding
from chartcoder.coding.abbreviations import apply_definitions
from chartcoder.coding.assertions import Words, assertion_of, class_of
from chartcoder.coding.billing import bill
from chartcoder.coding.companions import uncode_without_companion
from chartcoder.coding.conditions import ChartView
from chartcoder.coding.coreference import describes_a_noun, resolve_general_words
from chartcoder.coding.engine import Context, Engine
from chartcoder.coding.hcc import read_categories
from chartcoder.coding.lexicon.artefact import ARTEFACT, Lexicon
from chartcoder.coding.lexicon.compile import Entry
from chartcoder.coding.matching import Matcher, Term
from chartcoder.coding.measurements import measured_codes
from chartcoder.coding.sections import Sections
from chartcoder.coding.templates import template_answer
from chartcoder.coding.terminology import Terminology
from chartcoder.protected import reveal

ADULT = 20  # years, for the body mass index codes
WHERE_RESULTS_MATTER = frozenset({"assessment", "observation_and_plan", "problem_list", "chief_complaint", "diagnoses"})
ENGINES = ("medspacy", "compiled")


class Coder:
    """Codes charts. Make one for each process and use it for many charts; not for several threads at once.

    Args:
        engine: "medspacy" (stock medspaCy components) or "compiled" (the same rules, some hundred times as fast).
        lexicon: folder of a built artefact; the package's own by default.

    Raises:
        LexiconMissing: the artefact was not built.
        ValueError: unknown engine.
    """

    def __init__(self, *, engine: str = "compiled", lexicon: Path | None = None) -> None:
        folder = lexicon or ARTEFACT
        held = Lexicon(folder)
        self.engine = engine
        self.release = held.about["release"]
        self._matcher = Matcher(held)
        self._terminology = Terminology(folder / "codes.marisa")
        self._categories = read_categories(folder)
        self._engine = _make_engine(engine, folder)

    def code(self, chart: Chart) -> CodedChart:
        """Code one chart. Takes any text; time in proportion to its length."""
        from chartcoder import __version__

        text = reveal(chart.text)
        sections = Sections(text, chart.sections)
        view = ChartView(text, sections.at)
        terms = self._terms(text, view, sections)
        contexts = self._engine.read(text, [(term.start, term.end) for term in terms], sections)
        findings = [
            self._finding(text, term, context, code)
            for term, context in zip(terms, contexts, strict=True)
            for code in term.entry.codes
        ]
        findings = uncode_without_companion(resolve_general_words(findings, self._terminology))
        codes, rejected = bill(findings, self._terminology, view, chart.setting, self._categories)
        return CodedChart(
            id=chart.id,
            codes=codes,
            findings=tuple(findings),
            rejected=rejected,
            release=self.release,
            coder=f"chartcoder {__version__}",
            engine=self.engine,
            about=chart.about(),
            given=chart.given,
        )

    def describe(self, code: str) -> dict[str, Any] | None:
        """What the release says of a code: `code`, `description`, `billable`, `release`; None where it has no such."""
        if code not in self._terminology:
            return None
        described = {"code": code, "description": self._terminology.description(code)}
        return described | {"billable": self._terminology.is_billable(code), "release": self.release}

    def _terms(self, text: str, view: ChartView, sections: Sections) -> list[Term]:
        """Lexicon terms and measurements outside headings, in order; a measurement before the words it is made of."""
        adult = view.age is None or view.age >= ADULT
        measured = [
            Term(start, end, Entry((), (code,), 0), frozenset())
            for start, end, code in measured_codes(text, adult=adult)
        ]
        found = [*measured, *self._matcher.find(text, view)]
        found.sort(key=lambda term: (term.start, -term.end))
        terms: list[Term] = []
        for term in found:
            if (not terms or term.start >= terms[-1].end) and not sections.in_heading(term.start, term.end):
                terms.append(term)
        return apply_definitions(text, terms)

    def _finding(self, text: str, term: Term, context: Context, code: str) -> Finding:
        full = self._terminology.with_seventh(code, "A")
        answer = template_answer(text, term.start, term.end)
        assertion, cue = answer or assertion_of(full, Words.at(text, term.start, term.end), context)
        if describes_a_noun(full, text, term.start, term.end):
            return self._uncoded(text, term, context, assertion, cue)
        if "result" in class_of(full) and context.section not in WHERE_RESULTS_MATTER:
            return self._uncoded(text, term, context, assertion, cue)
        return Finding(
            text=text[term.start : term.end],
            start=term.start,
            end=term.end,
            section=context.section,
            assertion=assertion,
            cue=cue,
            code=full,
            description=self._terminology.description(full),
        )

    @staticmethod
    def _uncoded(text: str, term: Term, context: Context, assertion: Assertion, cue: str | None) -> Finding:
        """A finding that implies no code by itself: an abnormal result that nobody says matters (III.B)."""
        return Finding(
            text[term.start : term.end],
            term.start,
            term.end,
            context.section,
            assertion,
            cue,
            code=None,
            description=None,
        )


def _make_engine(engine: str, folder: Path) -> Engine:
    if engine == "compiled":
        from chartcoder.coding.engine_compiled import CompiledEngine

        return CompiledEngine(folder)
    if engine == "medspacy":
        from chartcoder.coding.engine_medspacy import MedspacyEngine

        return MedspacyEngine(mended=True)
    raise ValueError(f"unknown engine {engine!r}: one of {', '.join(ENGINES)}")
