"""Saved answers of Amazon Comprehend Medical's InferICD10CM beside ours: agreement, differences, both costs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chartcoder.errors import BadRequest
from chartcoder.prices import (
    COMPREHEND_UNIT_CHARACTERS,
    COMPREHEND_USD_PER_UNIT,
    PIPELINE_USD_PER_CHART,
    VCPUS,
    usd_per_hour,
)
from chartcoder.untrusted import NotJson, parse_json

Result = dict[str, Any]  # `CodedChart.as_dict()`
Answer = dict[str, Any]  # of InferICD10CM
Report = dict[str, Any]

NAMES = ("ChartId", "chart", "id")  # under which a line of saved answers may say its chart
SUFFIXES = (".out", ".json", ".txt")  # a batch job of the service names its answer <input>.out
NOT_THE_PATIENTS = {"NEGATION": "negated", "PERTAINS_TO_FAMILY": "family", "HYPOTHETICAL": "hypothetical"}
ASSERTED = ("present", "possible", "historical")
CATEGORY = 3  # characters of a code


def read_answers(path: Path) -> dict[str, Answer]:
    """Saved answers by chart: a folder with a file an answer, named as its chart, or JSON Lines whose objects say their
    chart as `ChartId`, `chart` or `id`.

    Raises:
        BadRequest: naming the first file or line that is no answer.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
        return {_chart_of(file.relative_to(path)): _answer(file.read_bytes(), str(file)) for file in files}
    if not path.is_file():
        raise BadRequest(f"{path}: no such file or folder")
    answers = {}
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                answer = _answer(line, f"{path}:{number}")
                name = next((answer[name] for name in NAMES if isinstance(answer.get(name), str)), None)
                if name is None:
                    raise BadRequest(
                        f"{path}:{number} does not say its chart; expected it as one of {', '.join(NAMES)}"
                    )
                answers[name] = answer
    return answers


def _chart_of(file: Path) -> str:
    name = file.as_posix()
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _answer(data: bytes, place: str) -> Answer:
    try:
        answer = parse_json(data)
        entities = answer["Entities"]
        for entity in entities:
            _span_of(entity)
            _concept_of(entity, least_score=0.0)
            _theirs_said(entity)
    except (AttributeError, KeyError, TypeError, ValueError, NotJson):
        raise BadRequest(f"{place} is no answer of InferICD10CM; expected a JSON object with Entities") from None
    return {**answer}


@dataclass(slots=True)
class Comparison:
    """Adds up charts, one after the other; `report` is plain JSON.

    Args:
        against: "findings" (all that is present, as the service means it) or "codes" (the list to bill).
        least_score: entities and concepts of theirs that score less do not count.
        with_text: whether the report may hold the charts' words.
    """

    against: str = "findings"
    least_score: float = 0.0
    with_text: bool = False
    usd_per_unit: float = COMPREHEND_USD_PER_UNIT
    instance_type: str = "c7i.xlarge"
    _charts: int = 0
    _ours: int = 0
    _theirs: int = 0
    _agreed: dict[str, int] = field(default_factory=lambda: {"full code": 0, "category": 0})
    _wanted: dict[str, list[int]] = field(default_factory=lambda: {"full code": [0, 0], "category": [0, 0]})
    _characters: int = 0
    _units: int = 0
    _seconds: float = 0.0
    _differences: dict[tuple[str, str], Report] = field(default_factory=dict)

    def add(self, result: Result, answer: Answer, *, characters: int, seconds: float) -> None:
        """One chart: our result, their answer, its length and the processor's seconds that coding it took."""
        ours, theirs = self._ours_of(result), self._theirs_of(answer)
        self._charts += 1
        self._characters += characters
        self._units += max(1, math.ceil(characters / COMPREHEND_UNIT_CHARACTERS))
        self._seconds += seconds
        for level, cut in (("full code", None), ("category", CATEGORY)):
            mine, others = {code[:cut] for code in ours}, {code[:cut] for code in theirs}
            self._agreed[level] += len(mine & others)
            self._wanted[level][0] += len(mine)
            self._wanted[level][1] += len(others)
        for code in sorted(ours.keys() - theirs.keys()):
            self._differ("only ours", code, ours[code], result, answer)
        for code in sorted(theirs.keys() - ours.keys()):
            self._differ("only theirs", code, theirs[code], result, answer)

    def report(self) -> Report:
        """Agreement by level, differences with the commonest first, both costs in US dollars."""
        agreement = {}
        for level, (ours, theirs) in self._wanted.items():
            both = self._agreed[level]
            share = 2 * both / (ours + theirs) if ours + theirs else 1.0
            agreement[level] = {"ours": ours, "theirs": theirs, "both": both, "agreement": share}
        differences = sorted(self._differences.values(), key=lambda one: (-len(one["cases"]), one["code"]))
        return {
            "charts": self._charts,
            "against": self.against,
            "agreement": agreement,
            "differences": differences,
            "costs": self._costs(),
        }

    def _costs(self) -> Report:
        an_hour = usd_per_hour(self.instance_type) / VCPUS[self.instance_type.partition(".")[2]]
        computing = self._seconds / 3600 * an_hour
        return {
            "characters": self._characters,
            "theirs": {"units": self._units, "usd_per_unit": self.usd_per_unit, "usd": self._units * self.usd_per_unit},
            "ours": {
                "cpu_seconds": self._seconds,
                "usd_per_vcpu_hour": an_hour,
                "computing_usd": computing,
                "requests_usd": self._charts * PIPELINE_USD_PER_CHART,
                "usd": computing + self._charts * PIPELINE_USD_PER_CHART,
            },
        }

    # ── what each says of a chart: code -> where ──

    def _ours_of(self, result: Result) -> dict[str, list[tuple[int, int]]]:
        findings = result["findings"]
        if self.against == "codes":
            return {code["code"]: [_place(findings[index]) for index in code["evidence"]] for code in result["codes"]}
        found: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for finding in findings:
            if finding["code"] and finding["assertion"] in ASSERTED:
                found[finding["code"]].append(_place(finding))
        return found

    def _theirs_of(self, answer: Answer) -> dict[str, list[tuple[int, int]]]:
        found: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for entity in answer["Entities"]:
            concept = _concept_of(entity, least_score=self.least_score)
            if concept and _theirs_said(entity) in ASSERTED:
                found[concept["Code"]].append(_span_of(entity))
        return found

    def _differ(self, side: str, code: str, places: list[tuple[int, int]], result: Result, answer: Answer) -> None:
        row = self._differences.setdefault(
            (side, code), {"side": side, "code": code, "description": _description(code, result, answer), "cases": []}
        )
        others = _our_words(result) if side == "only theirs" else _their_words(answer)
        evidence = []
        for start, end in places:
            there = sorted({said for (first, last), said in others if first < end and start < last})
            evidence.append({"start": start, "end": end, "other_says": there})
            if self.with_text:
                evidence[-1]["text"] = _text_at(start, end, result, answer)
        row["cases"].append({"chart": result["id"], "evidence": evidence})


def _place(finding: Result) -> tuple[int, int]:
    return finding["start"], finding["end"]


def _span_of(entity: Answer) -> tuple[int, int]:
    return int(entity["BeginOffset"]), int(entity["EndOffset"])


def _concept_of(entity: Answer, *, least_score: float) -> Answer | None:
    """The concept that the service holds likeliest; None where it scores too little."""
    if float(entity.get("Score", 1.0)) < least_score:
        return None
    concepts: Iterable[Answer] = entity.get("ICD10CMConcepts") or ()
    best = max(concepts, key=lambda concept: float(concept.get("Score", 0.0)), default=None)
    return best if best and best["Code"] and float(best.get("Score", 1.0)) >= least_score else None


def _theirs_said(entity: Answer) -> str:
    """An entity's assertion in our words."""
    names = {trait["Name"] for trait in entity.get("Traits") or ()}
    return next((said for name, said in NOT_THE_PATIENTS.items() if name in names), "present")


def _our_words(result: Result) -> Iterator[tuple[tuple[int, int], str]]:
    return ((_place(one), f"{one['code'] or 'no code'} {one['assertion']}") for one in result["findings"])


def _their_words(answer: Answer) -> Iterator[tuple[tuple[int, int], str]]:
    for entity in answer["Entities"]:
        concept = _concept_of(entity, least_score=0.0)
        yield _span_of(entity), f"{concept['Code'] if concept else 'no code'} {_theirs_said(entity)}"


def _text_at(start: int, end: int, result: Result, answer: Answer) -> str | None:
    texts = {_place(finding): finding["text"] for finding in result["findings"]}
    texts |= {_span_of(entity): entity.get("Text") for entity in answer["Entities"]}
    return texts.get((start, end))


def _description(code: str, result: Result, answer: Answer) -> str:
    ours = {one["code"]: one["description"] for one in [*result["findings"], *result["codes"]] if one["code"]}
    concepts = [concept for entity in answer["Entities"] for concept in entity.get("ICD10CMConcepts") or ()]
    theirs = {concept["Code"]: concept.get("Description") for concept in concepts}
    return ours.get(code) or theirs.get(code) or ""
