"""Chart to codes: the room's public face."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from chartcoder.chart import Assertion, Chart, CodedChart, Finding
from chartcoder.coding.abbreviations import apply_definitions
from chartcoder.coding.assertions import (
    NOTHING,
    TELLING_CLASSES,
    TELLING_SECTIONS,
    Surroundings,
    Words,
    assertion_of,
    class_of,
)
from chartcoder.coding.billing import bill
from chartcoder.coding.companions import uncode_without_companion
from chartcoder.coding.conditions import ChartView
from chartcoder.coding.coreference import describes_a_noun, general_codes, resolve_general_words
from chartcoder.coding.engine import Context, Engine
from chartcoder.coding.hcc import read_categories
from chartcoder.coding.lexicon.artefact import ARTEFACT, Lexicon
from chartcoder.coding.lexicon.compile import Entry
from chartcoder.coding.matching import Matcher, Term
from chartcoder.coding.measurements import measured_codes
from chartcoder.coding.sections import Sections
from chartcoder.coding.templates import Answers
from chartcoder.coding.terminology import Terminology
from chartcoder.protected import reveal

WHERE_RESULTS_MATTER = frozenset({"assessment", "observation_and_plan", "problem_list", "chief_complaint", "diagnoses"})
ABOUT_OTHERS = frozenset({"family", "other_person"})
"""Assertions that a box ticked does not change."""
Said = tuple[Assertion, str | None]
PRESENT: Said = ("present", None)
ENGINES = ("medspacy", "compiled")


class Meaning(msgspec.Struct, frozen=True, gc=False):
    """What a code of the lexicon stands for, looked up once for each."""

    code: str  # complete: with its seventh character
    description: str
    may_describe: bool  # an adjective of a general meaning may name it
    is_result: bool  # an abnormal result: no code by itself unless the provider says that it matters (III.B)
    tells: bool  # the code itself says how it is asserted


class Coder:
    """Codes charts. Make one for each process and use it for many charts; not for several threads at once.

    Args:
        engine: "medspacy" (stock medspaCy components) or "compiled" (the same rules, 150 times as fast and more).
        lexicon: folder of a built artefact; the package's own by default.

    Raises:
        LexiconMissing: the artefact was not built.
        ValueError: unknown engine.
    """

    def __init__(self, *, engine: str = "compiled", lexicon: Path | None = None) -> None:
        from chartcoder import __version__

        folder = lexicon or ARTEFACT
        held = Lexicon(folder)
        self.engine = engine
        self._name = f"chartcoder {__version__}"
        self.release = held.about["release"]
        self._matcher = Matcher(held)
        self._terminology = Terminology(folder / "codes.marisa")
        self._categories = read_categories(folder)
        self._engine = _make_engine(engine, folder)
        self._meanings: dict[str, Meaning] = {}  # bounded by the release's size

    def code(self, chart: Chart) -> CodedChart:
        """Code one chart. Takes any text; time in proportion to its length."""
        text = reveal(chart.text)
        sections = Sections(text, chart.sections)
        view = ChartView(text, sections.at)
        terms = self._terms(text, view, sections)
        contexts = self._engine.read(text, [(term.start, term.end) for term in terms], sections)
        findings = self._findings(view, terms, contexts)
        findings = uncode_without_companion(resolve_general_words(findings, self._terminology))
        codes, rejected = bill(findings, self._terminology, view, chart.setting, self._categories)
        return CodedChart(
            id=chart.id,
            codes=codes,
            findings=tuple(findings),
            rejected=rejected,
            release=self.release,
            coder=self._name,
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
        found = self._matcher.find(text, view)
        measured = [Term(start, end, Entry((), (code,), 0)) for start, end, code in measured_codes(view)]
        if measured:
            found = sorted([*measured, *found], key=lambda term: (term.start, -term.end))
        terms: list[Term] = []
        end = 0
        for term, named in zip(found, sections.in_heading((term.start, term.end) for term in found), strict=True):
            if term.start >= end and not named:
                terms.append(term)
                end = term.end
        return apply_definitions(text, terms)

    def _findings(self, view: ChartView, terms: list[Term], contexts: list[Context]) -> list[Finding]:
        """A finding for each code of each term; without its code where the term implies none by itself."""
        text = view.text
        answers, around = Answers(text), Surroundings(text, view.lower)
        has_signs, say_nothing = answers.has_signs, around.say_nothing
        findings: list[Finding] = []
        for term, context in zip(terms, contexts, strict=True):
            start, end, section = term.start, term.end, context.section
            nothing_beside = not has_signs and say_nothing(start, end)
            quiet = nothing_beside and not context.cues and section not in TELLING_SECTIONS
            for code in term.entry.codes:
                meaning = self._meanings.get(code) or self._meaning(code)
                if quiet and not meaning.tells:
                    assertion, cue = PRESENT
                elif nothing_beside:
                    assertion, cue = assertion_of(meaning.code, Words(around, start, end), context, NOTHING)
                else:
                    assertion, cue = _assertion(meaning.code, Words(around, start, end), context, answers)
                if (meaning.is_result and section not in WHERE_RESULTS_MATTER) or (
                    meaning.may_describe and describes_a_noun(text, start, end)
                ):
                    findings.append(Finding(text[start:end], start, end, section, assertion, cue, None, None))
                else:
                    findings.append(
                        Finding(text[start:end], start, end, section, assertion, cue, meaning.code, meaning.description)
                    )
        return findings

    def _meaning(self, code: str) -> Meaning:
        full = self._terminology.with_seventh(code, "A")
        classes = class_of(full)
        self._meanings[code] = meaning = Meaning(
            full,
            self._terminology.description(full),
            full in general_codes("adjective"),
            "result" in classes,
            not classes.isdisjoint(TELLING_CLASSES),
        )
        return meaning


def _assertion(code: str, words: Words, context: Context, answers: Answers) -> Said:
    """How a term is asserted: by a template's answer, if one stands beside it, else by its words and its context."""
    answer = answers.of(words.start, words.end)
    if answer and answer[0] == "negated":
        return answer
    said = assertion_of(code, words, context, words.said())
    return answer if answer and said[0] not in ABOUT_OTHERS else said  # "Family history: [x] breast cancer (mother)"


def _make_engine(engine: str, folder: Path) -> Engine:
    if engine == "compiled":
        from chartcoder.coding.engine_compiled import CompiledEngine

        return CompiledEngine(folder)
    if engine == "medspacy":
        from chartcoder.coding.engine_medspacy import MedspacyEngine

        return MedspacyEngine(mended=True)
    raise ValueError(f"unknown engine {engine!r}: one of {', '.join(ENGINES)}")
