"""The stock engine: medspaCy's sentence splitter (PyRuSH), ConText and sectionizer, as they come, with our rules added.

Terms come from the lexicon's matcher and not from medspaCy's target matcher, which takes minutes to load so many;
everything that says what a term means in its chart is stock.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from chartcoder.coding.context import DROP, own_rules, stock_rules
from chartcoder.coding.engine import Context
from chartcoder.coding.inner.scoping import FORWARD
from chartcoder.coding.sections import Sections, own_headings

LONGEST_TEXT = 1_000_000_000  # characters; spaCy's own limit guards models that are not used here


class MedspacyEngine:
    """medspaCy's pipeline over given spans. One per process; takes a second to make."""

    def __init__(self, *, extended: bool = True, mended: bool = False) -> None:
        """`extended=False` leaves medspaCy's rules as they come, without the project's.

        `mended` lets a trigger act that runs into a term ("no history of" at "history of trauma"), as the compiled
        engine does; without it medspaCy answers as it comes, and is the oracle.
        """
        self._nlp = _load(extended=extended)
        self._mended = mended

    def sentences(self, text: str) -> list[int]:
        """Where PyRuSH begins a sentence: offsets in characters, the first 0."""
        doc = self._nlp.make_doc(text)
        doc = self._nlp.get_pipe("medspacy_pyrush")(doc)
        return [0, *(sentence.start_char for sentence in doc.sents if sentence.start_char)]

    def read(self, text: str, spans: Sequence[tuple[int, int]], sections: Sections) -> list[Context]:
        """The context of each span by medspaCy. Spans are widened to whole tokens for it.

        The section is the project's own where it knows one: medspaCy's headings all need a colon.
        """
        from spacy.util import filter_spans

        doc = self._nlp.make_doc(text)
        entities = [doc.char_span(start, end, label="TERM", alignment_mode="expand") for start, end in spans]
        doc.ents = tuple(filter_spans([entity for entity in entities if entity is not None]))
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message=r"\[W036\]"
            )  # medspaCy's matchers without patterns say so each time
            for _, component in self._nlp.pipeline:
                doc = component(doc)
        by_token = {token: entity for entity in doc.ents for token in range(entity.start, entity.end)}
        running = doc._.context_graph.modifiers if self._mended else ()
        contexts = [
            _context(by_token.get(entity.start), running) if entity is not None else Context(None, {})
            for entity in entities
        ]
        return [
            Context(sections.at(start) or context.section, context.cues)
            for context, (start, _) in zip(contexts, spans, strict=True)
        ]


def _context(entity: Any, running: Sequence[Any]) -> Context:
    """An entity's context; of the `running` modifiers those count too that begin before it and end in it."""
    if entity is None:
        return Context(None, {})
    cues: dict[str, str] = {}
    for modifier in running:
        start, end = modifier.modifier_span
        if modifier.direction.upper() == FORWARD and start < entity.start < end < entity.end:
            cues.setdefault(modifier.category.upper(), entity.doc[start:end].text.lower())
    for modifier in entity._.modifiers:
        start, end = modifier.modifier_span
        cues.setdefault(modifier.category.upper(), entity.doc[start:end].text.lower())
    return Context(entity._.section_category, cues)


def medspacy_tokenizer() -> Callable[[str], list[str]]:
    """How medspaCy splits a text into tokens; white space is no token."""
    import spacy

    with warnings.catch_warnings():
        from medspacy.custom_tokenizer import create_medspacy_tokenizer
    tokenizer = create_medspacy_tokenizer(spacy.blank("en"))
    return lambda text: [token.text for token in tokenizer(text) if not token.is_space]


def _load(*, extended: bool) -> Any:
    with warnings.catch_warnings():  # importing medspaCy silences every warning of the process: undone on leaving
        import medspacy
        from medspacy.context import ConTextRule
        from medspacy.section_detection import SectionRule
    from loguru import logger

    logger.disable("PyRuSH")  # it logs sentences and tokens to stderr: protected health information
    nlp = medspacy.load(medspacy_enable=["medspacy_tokenizer", "medspacy_pyrush"])
    nlp.max_length = LONGEST_TEXT
    context = nlp.add_pipe("medspacy_context", config={"rules": None})
    context.add([ConTextRule.from_dict(rule) for rule in stock_rules(extended=extended)])
    sectionizer = nlp.add_pipe("medspacy_sectionizer")
    if extended:
        rules = [rule for rule in own_rules() if rule[1] != DROP]
        context.add([ConTextRule(literal, category, direction=direction) for category, direction, literal in rules])
        sectionizer.add([SectionRule(literal, category) for literal, category in own_headings()])
    return nlp
