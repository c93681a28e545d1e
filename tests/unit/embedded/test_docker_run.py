"""`docker run` as an embedded instance reads it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from embedded.ami.docker_run import read

BOOT_SCRIPT = Path(__file__).parents[3] / "playbooks" / "boot" / "instance.sh"


def test_options_image_and_command_are_told_apart() -> None:
    options, image, command = read(
        ["--rm", "--name=one", "--log-opt", "a=b", "--log-opt=c=d", "image", "python", "-m", "x"]
    )
    assert options == {"--rm": [""], "--name": ["one"], "--log-opt": ["a=b", "c=d"]}
    assert (image, command) == ("image", ["python", "-m", "x"])


def test_every_option_of_the_boot_script_is_known() -> None:
    text = BOOT_SCRIPT.read_text().replace("\\\n", " ")
    (line,) = re.findall(r"^ *docker run (.*?) \"\$image\"", text, re.MULTILINE)
    options, image, _ = read([*line.split(), "image"])
    assert {"--read-only", "--cap-drop", "--env-file", "--network"} <= set(options)
    assert image == "image"


@pytest.mark.parametrize("arguments", [["--privileged", "image"], ["--rm"]])
def test_what_an_instance_does_not_know_is_refused_with_dockers_own_status(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read(arguments)
    assert ended.value.code == 125
