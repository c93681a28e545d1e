"""The instances' docker and the engine's age."""

from __future__ import annotations

import pytest

from embedded.instances_container import api_version


@pytest.mark.parametrize("oldest", ["1.12", "1.24", "1.41", ""])
def test_an_engine_that_takes_what_the_command_line_speaks_is_spoken_to_as_ever(oldest: str) -> None:
    assert api_version(oldest) == {}


def test_an_engine_that_takes_newer_versions_alone_is_spoken_to_in_its_oldest() -> None:
    assert api_version("1.44") == {"DOCKER_API_VERSION": "1.44"}
