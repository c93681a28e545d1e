"""The images' build files: what goes in, who runs it, and that both lives of an image can begin."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCKERFILES = [ROOT / "functions" / "Dockerfile", ROOT / "worker_image" / "Dockerfile"]


@pytest.fixture(params=DOCKERFILES, ids=lambda path: path.parent.name)
def steps(request: pytest.FixtureRequest) -> list[tuple[str, str]]:
    """(instruction, argument) of each step, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", request.param.read_text(), flags=re.M).replace("\\\n", " ")
    return [(word, rest.strip()) for line in text.splitlines() if line.strip() for word, rest in [line.split(None, 1)]]


def last_stage(steps: list[tuple[str, str]]) -> list[tuple[str, str]]:
    start = max(number for number, (word, _) in enumerate(steps) if word == "FROM")
    return steps[start:]


def test_an_image_runs_as_nobody_in_particular_by_number(steps: list[tuple[str, str]]) -> None:
    users = [argument for word, argument in last_stage(steps) if word == "USER"]
    assert users == ["10001:10001"]


def test_an_image_has_no_entry_point_since_it_has_two_lives(steps: list[tuple[str, str]]) -> None:
    assert not [argument for word, argument in steps if word == "ENTRYPOINT"]


def test_every_stage_begins_with_the_one_base_or_with_another_stage(steps: list[tuple[str, str]]) -> None:
    assert steps[0] == ("ARG", "BASE=debian:bookworm-slim")
    names = {argument.split(" AS ")[1] for word, argument in steps if word == "FROM" and " AS " in argument}
    for word, argument in steps:
        if word == "FROM":
            assert argument.split()[0] in {"${BASE}", *names}


def test_packages_are_installed_from_a_complete_lock_by_hash(steps: list[tuple[str, str]]) -> None:
    installing = [argument for word, argument in steps if word == "RUN" and "pip install" in argument]
    assert installing
    for command in installing:
        assert "--require-hashes" in command and "--no-deps" in command and "-r requirements/" in command


def test_nothing_is_fetched_but_packages(steps: list[tuple[str, str]]) -> None:
    for word, argument in steps:
        assert word != "ADD"
        assert not re.search(r"\b(curl|wget|git clone)\b|https?://", argument), argument


def test_packages_come_from_the_stage_that_takes_out_what_only_building_needs(steps: list[tuple[str, str]]) -> None:
    assert ("COPY", "--from=slim /venv /venv") in last_stage(steps)
    (removed,) = [argument for word, argument in steps if word == "RUN" and "slim_packages.py" in argument]
    assert {"pip", "setuptools"} <= set(removed.split())
    assert not [argument for word, argument in last_stage(steps) if "pip" in argument or "python3-venv" in argument]


def test_source_comes_after_packages_so_that_a_change_rebuilds_little(steps: list[tuple[str, str]]) -> None:
    copied = [argument for word, argument in last_stage(steps) if word == "COPY"]
    assert copied == ["--from=slim /venv /venv", "--from=app /app /app"]


def test_what_is_copied_exists_and_passes_the_allow_list(steps: list[tuple[str, str]]) -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*", "everything is left out but what is named"
    allowed = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    for word, argument in steps:
        if word == "COPY" and "--from" not in argument:
            for source in argument.split()[:-1]:
                assert list(ROOT.glob(source.rstrip("/"))), source
                assert any(source.startswith(prefix) for prefix in allowed), source


def test_the_control_image_knows_where_its_playbooks_are() -> None:
    text = DOCKERFILES[0].read_text()
    assert "WORKDIR /app\n" in text
    assert "COPY playbooks/ playbooks/\n" in text
    assert "CHARTCODER_PLAYBOOKS=/app/playbooks" in text


def test_the_lexicon_is_built_from_the_files_that_its_stage_copies_alone(tmp_path: Path) -> None:
    text = DOCKERFILES[1].read_text().partition(" AS lexicon")[2].partition("\nFROM ")[0]
    for argument in re.findall(r"^COPY (.*)", text, re.MULTILINE):
        *sources, target = argument.split()
        (tmp_path / target).mkdir(parents=True, exist_ok=True)
        for source in sources:
            if source.endswith("/"):
                shutil.copytree(ROOT / source, tmp_path / target, dirs_exist_ok=True)
            else:
                shutil.copy(ROOT / source, tmp_path / target)
    shown = subprocess.run(
        [sys.executable, "-c", "import chartcoder.coding.build, chartcoder.coding.engine_medspacy"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
