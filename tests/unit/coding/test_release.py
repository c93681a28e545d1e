"""Another release than the bundled one: official files, here a few lines in the same form about made-up diseases."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chartcoder.chart import Chart
from chartcoder.coding.coder import Coder
from chartcoder.coding.lexicon.neoplasms import neoplasm_phrases
from chartcoder.coding.official_files import edition_of
from chartcoder.coding.release import Release, read_release
from chartcoder.coding.terminology import CodeEntry
from chartcoder.errors import ReleaseInvalid

LISTED = [
    ("Q98", 0, "Marble disease"),
    ("Q980", 1, "Marble disease of the thumb"),
    ("Q981", 0, "Marble disease of the great toe"),
    ("Q9811", 1, "Marble disease of right great toe"),
    ("Q9812", 1, "Marble disease of left great toe"),
    ("QA0", 1, "Glassy syndrome"),
    ("S97", 0, "Hop injury"),
    ("S970", 0, "Hop injury of heel"),
    ("S970XXA", 1, "Hop injury of heel, initial encounter"),
    ("S970XXD", 1, "Hop injury of heel, subsequent encounter"),
]
TABULAR = """<?xml version="1.0" encoding="utf-8"?>
<ICD10CM.tabular><version>2031</version><introduction/>
<chapter><name>17</name><desc>Made up</desc><section id="Q98-QA0"><desc>Made up</desc>
<diag><name>Q98</name><desc>Marble disease</desc>
  <excludes1><note>glassy syndrome (QA0)</note></excludes1>
  <diag><name>Q98.0</name><desc>Marble disease of the thumb</desc>
    <inclusionTerm><note>Player's thumb</note><note>Shooter's thumb</note></inclusionTerm></diag>
  <diag><name>Q98.1</name><desc>Marble disease of the great toe</desc>
    <codeFirst><note>any hop injury (S97.-)</note></codeFirst>
    <diag><name>Q98.11</name><desc>Marble disease of right great toe</desc></diag>
    <diag><name>Q98.12</name><desc>Marble disease of left great toe</desc></diag></diag></diag>
<diag><name>QA0</name><desc>Glassy syndrome</desc>
  <useAdditionalCode><note>code for the marble (Q98.0-Q98.1)</note></useAdditionalCode></diag>
</section></chapter>
<chapter><name>19</name><desc>Made up</desc><section id="S97-S97"><desc>Made up</desc>
<diag><name>S97</name><desc>Hop injury</desc>
  <sevenChrDef><extension char="A">initial encounter</extension></sevenChrDef>
  <diag><name>S97.0</name><desc>Hop injury of heel</desc></diag></diag>
</section></chapter></ICD10CM.tabular>"""
INDEX = """<ICD10CM.index><version>2031</version><letter><title>K</title>
<mainTerm><title>Knuckler's thumb</title><see>Marble</see></mainTerm>
<mainTerm><title>Marble, marbled</title><code>Q98.0</code></mainTerm>
<mainTerm><title>Nowhere land</title><see>Utopia</see></mainTerm></letter></ICD10CM.index>"""


def order_line(number: int, code: str, complete: int, description: str) -> str:
    """Fixed columns: 1 order number, 7 code, 15 whether complete, 17 short, 78 long description."""
    return f"{number:05d} {code:<7} {complete} {description[:60]:<60} {description}"


def write_order(folder: Path, lines: list[str], name: str = "icd10cm_order_2031.txt") -> None:
    (folder / name).write_bytes("\r\n".join([*lines, ""]).encode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A release as CMS's two archives unpack into one folder, with the addenda that lie beside it."""
    folder = tmp_path / "2031"
    folder.mkdir()
    write_order(folder, [order_line(number, *row) for number, row in enumerate(LISTED, start=1)])
    (folder / "icd10cm_tabular_2031.xml").write_text(TABULAR)
    (folder / "icd10cm_order_addenda_2031.txt").write_text("Add: ...")
    (folder / "icd10cm_tabular_2031.pdf").write_bytes(b"%PDF")
    return folder


@pytest.fixture
def release(folder: Path) -> Release:
    return read_release(folder)


def entry(release: Release, code: str) -> CodeEntry:
    (found,) = (entry for entry in release.entries if entry.code == code)
    return found


class TestReading:
    def test_every_line_of_the_order_file_is_a_category_or_code(self, release: Release) -> None:
        assert [entry.code.replace(".", "") for entry in release.entries] == [code for code, _, _ in LISTED]
        assert {entry.code for entry in release.entries if not entry.billable} == {"Q98", "Q98.1", "S97", "S97.0"}
        assert release.notes == []

    def test_the_tabular_list_gives_inclusion_terms_and_instructions(self, release: Release) -> None:
        assert entry(release, "Q98.0").inclusion == ("Player's thumb", "Shooter's thumb")
        assert entry(release, "Q98").excludes1 == (("QA0", "QA0"),)
        assert entry(release, "Q98.1").code_first == (("S97", "S97"),)
        assert entry(release, "QA0").use_additional == (("Q98.0", "Q98.1"),)

    def test_a_code_stands_below_its_nearest_stem_also_over_placeholders(self, release: Release) -> None:
        assert entry(release, "Q98").children == ("Q98.0", "Q98.1")
        assert entry(release, "Q98.1").children == ("Q98.11", "Q98.12")
        assert entry(release, "S97.0").children == ("S97.0XXA", "S97.0XXD")

    @pytest.mark.parametrize(
        ("name", "edition"),
        [
            ("icd10cm_tabular_2031.xml", "2031"),
            ("icd10cm-order-April-2031.txt", "2031-04"),
            ("icd10c-tabular-April-1-2031.xml", "2031-04"),
            ("icd10cm_tabular.xml", None),
        ],
    )
    def test_a_release_is_named_by_its_fiscal_year_and_an_update_by_its_month(
        self, name: str, edition: str | None
    ) -> None:
        assert edition_of(name) == edition

    def test_files_without_a_year_in_their_names_are_named_by_the_tabular_list_s_version(self, folder: Path) -> None:
        for kind, ending in (("order", "txt"), ("tabular", "xml")):
            (folder / f"icd10cm_{kind}_2031.{ending}").rename(folder / f"icd10cm_{kind}.{ending}")
        assert read_release(folder).name == "2031"

    def test_cdc_s_spelling_of_the_names_is_read_too(self, folder: Path) -> None:
        for kind, ending in (("order", "txt"), ("tabular", "xml")):
            (folder / f"icd10cm_{kind}_2031.{ending}").rename(folder / f"icd10cm-{kind}-April-2031.{ending}")
        assert read_release(folder).name == "2031-04"

    def test_the_bundled_release_has_each_code_once_and_every_site_of_the_neoplasm_table(self) -> None:
        codes = [entry.code for entry in read_release().entries]
        known = set(codes)
        assert len(codes) == len(known)
        assert {code for _, code in neoplasm_phrases()} <= known


class TestWhatIsRefused:
    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ReleaseInvalid, match=r"nowhere is no folder.*cms\.gov"):
            read_release(tmp_path / "nowhere")

    @pytest.mark.parametrize(("kind", "ending"), [("order", "txt"), ("tabular", "xml")])
    def test_a_folder_without_one_of_the_two_files(self, folder: Path, kind: str, ending: str) -> None:
        (folder / f"icd10cm_{kind}_2031.{ending}").unlink()
        with pytest.raises(ReleaseInvalid, match=rf"no {kind} file in .*such as icd10cm_{kind}_2026\.{ending}"):
            read_release(folder)

    def test_two_files_of_one_kind(self, folder: Path) -> None:
        write_order(folder, [order_line(1, *LISTED[0])], "icd10cm-order-2030.txt")
        with pytest.raises(ReleaseInvalid, match="expected one order file"):
            read_release(folder)

    def test_files_of_two_editions(self, folder: Path) -> None:
        (folder / "icd10cm_order_2031.txt").rename(folder / "icd10cm_order_2030.txt")
        with pytest.raises(ReleaseInvalid, match=r"different editions by their names \(2030 and 2031\)"):
            read_release(folder)

    @pytest.mark.parametrize(
        "line",
        ["00002", "Q980 Marble disease of the thumb", order_line(2, "Q980", 2, "x"), order_line(2, "Q980", 1, "x")[1:]],
    )
    def test_a_line_of_another_form_is_named_by_its_number(self, folder: Path, line: str) -> None:
        write_order(folder, [order_line(1, *LISTED[0]), line])
        with pytest.raises(ReleaseInvalid, match=r"icd10cm_order_2031.txt, line 2: expected order number"):
            read_release(folder)

    def test_a_code_that_is_listed_twice(self, folder: Path) -> None:
        write_order(folder, [order_line(1, *LISTED[0]), order_line(2, *LISTED[0])])
        with pytest.raises(ReleaseInvalid, match="line 2: Q98 stands there twice"):
            read_release(folder)

    def test_a_tabular_list_that_is_cut_short(self, folder: Path) -> None:
        (folder / "icd10cm_tabular_2031.xml").write_text(TABULAR[:400])
        with pytest.raises(ReleaseInvalid, match=r"icd10cm_tabular_2031.xml, line \d+: no XML"):
            read_release(folder)

    def test_another_file_under_the_tabular_list_s_name(self, folder: Path) -> None:
        (folder / "icd10cm_tabular_2031.xml").write_text(INDEX)
        with pytest.raises(ReleaseInvalid, match=r"is a <ICD10CM.index>; expected CDC's tabular list"):
            read_release(folder)

    def test_two_files_that_do_not_belong_together(self, folder: Path) -> None:
        write_order(
            folder,
            [order_line(number, *row) for number, row in enumerate([("A00", 1, "Something else"), *LISTED], start=1)],
        )
        with pytest.raises(ReleaseInvalid, match=r"1 of the codes .*, such as A00; expected two files of one release"):
            read_release(folder)


class TestBuilding:
    """The whole way: official files to a lexicon to a coded chart."""

    def build(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-m", "chartcoder.coding.build", *map(str, arguments)]
        env = {**os.environ, **environment}
        return subprocess.run(program, capture_output=True, text=True, check=False, env=env)

    def test_charts_are_coded_by_the_release_that_was_given_and_results_carry_its_name(self, folder: Path) -> None:
        (folder / "icd10cm_index_2031.xml").write_text(INDEX)

        done = self.build("--out", folder / "lexicon", CHARTCODER_RELEASE=str(folder))

        coded = Coder(lexicon=folder / "lexicon").code(
            Chart("1", "ASSESSMENT\n1. Shooter's thumb.\n2. Left great toe marble disease.\n3. Type 2 diabetes.")
        )
        assert done.returncode == 0, done.stderr
        assert [code.code for code in coded.codes] == ["Q98.0", "Q98.12"]  # it knows no diabetes
        assert coded.release == "2031"
        assert "1 of 2 references lead to no code, such as 'see Utopia'" in done.stderr

        by_index = Coder(lexicon=folder / "lexicon").code(Chart("2", "ASSESSMENT\n1. Knuckler's thumb."))
        assert [code.code for code in by_index.codes] == ["Q98.0"]

    def test_files_that_cannot_be_read_end_the_build_with_one_line(self, folder: Path) -> None:
        (folder / "icd10cm_order_2031.txt").unlink()

        done = self.build("--release", folder, "--out", folder / "lexicon")

        assert done.returncode == 2
        assert done.stderr.startswith("build: no order file in ")
        assert not (folder / "lexicon").exists()
