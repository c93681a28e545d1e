"""The documents: what they point at is there, and what they tell a reader to paste can be pasted."""

from __future__ import annotations

import re
from codeop import compile_command
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
DOCUMENTS = [*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md"), PROJECT / "samples" / "README.md"]
CURRENT = [document for document in DOCUMENTS if document.name != "CHANGELOG.md"]  # which may tell of what is gone
TUTORIAL = (PROJECT / "docs" / "tutorial.md").read_text("utf-8")
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
MENTIONED = re.compile(r"`((?:src|functions|worker_image|playbooks|events|samples|tests|docs|tools)/[\w./-]+\.\w+)`")


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to a document's headings."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
class TestADocument:
    def test_points_at_files_and_headings_that_are_there(self, document: Path) -> None:
        broken = []
        for target in LINK.findall(FENCED.sub("", document.read_text("utf-8"))):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            file = document.parent / name if name else document
            if not file.exists() or (anchor and anchor not in anchors(file.read_text("utf-8"))):
                broken.append(target)
        assert broken == []


@pytest.mark.parametrize("document", CURRENT, ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_document_names_files_that_are_there(document: Path) -> None:
    named = MENTIONED.findall(document.read_text("utf-8"))
    assert [name for name in named if not (PROJECT / name).exists()] == []


def python_blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", TUTORIAL, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", python_blocks(), ids=lambda block: block.splitlines()[0][:40])
def test_a_block_of_the_tutorial_can_be_pasted_into_python(block: str) -> None:
    statement: list[str] = []
    for line in [*block.splitlines(), ""]:  # an interactive Python ends a compound statement at a blank line only
        statement.append(line)
        if compile_command("\n".join(statement)) is not None:
            statement = []
    assert statement == []
