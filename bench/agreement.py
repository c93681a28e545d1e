"""Agreement of the compiled engine with stock medspaCy: `python bench/agreement.py NOTES.jsonl [--notes N] [--splits
rush|own]`.

Both engines get the same terms and the same rules. With `--splits rush` the compiled engine also gets PyRuSH's
sentences, so that every difference is one of ConText; with `--splits own` differences of sentence splitting are
added. Prints the agreement and each class of difference, without the notes' text unless `--show` asks for it.
"""

from __future__ import annotations

import argparse
import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from chartcoder.coding.conditions import ChartView
from chartcoder.coding.engine_compiled import CompiledEngine
from chartcoder.coding.engine_medspacy import MedspacyEngine
from chartcoder.coding.inner.splitting import Sentences
from chartcoder.coding.lexicon.artefact import ARTEFACT, Lexicon
from chartcoder.coding.matching import Matcher
from chartcoder.coding.sections import Sections


def given(starts: list[int], length: int) -> Callable[[int], tuple[int, int]]:
    """Sentences from a list of starts."""

    def around(offset: int) -> tuple[int, int]:
        place = bisect_right(starts, offset) - 1
        return starts[place], starts[place + 1] if place + 1 < len(starts) else length

    return around


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notes", type=Path)
    parser.add_argument("--notes", dest="count", type=int, default=500)
    parser.add_argument("--splits", choices=("rush", "own"), default="rush")
    parser.add_argument("--show", type=int, default=0, help="show this many differences with their text")
    options = parser.parse_args()

    matcher, stock, compiled = Matcher(Lexicon(ARTEFACT)), MedspacyEngine(), CompiledEngine(ARTEFACT)
    total = same = shown = 0
    classes: Counter[tuple[str, str]] = Counter()
    for line in options.notes.read_text(encoding="utf-8").splitlines()[: options.count]:
        text = json.loads(line)["text"]
        view = ChartView(text, Sections(text).at)
        spans = [(term.start, term.end) for term in matcher.find(text, view)]
        expected = [set(context.cues) for context in stock.read(text, spans, Sections(text))]
        split = given(stock.sentences(text), len(text)) if options.splits == "rush" else Sentences(text).around
        got = [set(cues) for cues in compiled.cues(text, spans, split, own_words_act=options.splits == "rush")]
        for span, wanted, have in zip(spans, expected, got, strict=True):
            total += 1
            same += wanted == have
            for category in wanted - have:
                classes["only stock", category] += 1
            for category in have - wanted:
                classes["only compiled", category] += 1
            if wanted != have and shown < options.show:
                shown += 1
                print(
                    wanted,
                    have,
                    repr(text[max(0, span[0] - 120) : span[0]]),
                    "[[",
                    text[slice(*span)],
                    "]]",
                    repr(text[span[1] : span[1] + 90]),
                )
    print(f"{total} terms, {same} with the same attributes: {100 * same / max(total, 1):.3f} %")
    for (side, category), count in classes.most_common():
        print(f"  {side}: {category} {count}")


if __name__ == "__main__":
    main()
