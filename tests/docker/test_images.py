"""What is in the images, and that it runs as it will: not as root, on a read-only disk, without a network."""

from __future__ import annotations

import json
import re

import pytest
from docker.errors import ContainerError

from tests.docker.conftest import ROOT, Image

MB = 1_000_000
LEXICON_BUILDERS = ("chartcoder.coding.build", "chartcoder.coding.lexicon.", "chartcoder.coding.terminology")
OPTIONAL = ("chartcoder.readers.recognition",)  # scans: an extra that the image does not bring
IMPORT_ALL = """
import importlib, pkgutil, sys
failed = {}
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        try:
            importlib.import_module(module.name)
        except ImportError as error:
            failed[module.name] = error.name
print(failed)
"""
CODE_ONE = """
import json
from chartcoder import Chart, Coder
coded = Coder(engine=%r).code(Chart(id="1", text="Assessment: type 2 diabetes. Denies chest pain."))
print(json.dumps([[code.code for code in coded.codes], [finding.assertion for finding in coded.findings]]))
"""


@pytest.fixture(params=["control", "coder"])
def image(request: pytest.FixtureRequest) -> Image:
    found: Image = request.getfixturevalue(request.param)
    return found


def test_the_images_are_small(control: Image, coder: Image) -> None:
    assert (control.size < 350 * MB, coder.size < 600 * MB) == (True, True), (control.size, coder.size)


def test_a_container_is_not_root_and_cannot_become_it(image: Image) -> None:
    assert image.run("id", "-u").strip() == "10001"
    capabilities = re.findall(r"^Cap(?:Eff|Prm|Bnd):\s*(\w+)", image.run("cat", "/proc/self/status"), re.MULTILINE)
    assert set(capabilities) == {"0000000000000000"}


def test_nothing_can_be_written_but_in_tmp(image: Image) -> None:
    image.run("touch", "/tmp/here")  # noqa: S108 - the container's
    for path in ("/app/there", "/venv/there", "/var/there"):
        with pytest.raises(ContainerError):
            image.run("touch", path)


def test_the_packages_are_those_of_the_lock(image: Image, control: Image) -> None:
    lock = (ROOT / "requirements" / ("control.txt" if image is control else "coder.txt")).read_text()
    locked: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.MULTILINE):
        locked.setdefault(name, set()).add(version)  # one a Python version, where they differ
    found = json.loads(
        image.python(
            "import importlib.metadata as m, json, re;"
            "print(json.dumps({re.sub('[-_.]+', '-', d.name).lower(): d.version for d in m.distributions()}))"
        )
    )
    assert {name: version for name, version in found.items() if version not in locked.get(name, ())} == {}
    assert "boto3" in found


@pytest.mark.parametrize(
    "tool", ["pip", "pytest", "ansible-test", "ansible-galaxy", "cython", "gcc", "cc", "make", "git"]
)
def test_no_tool_for_building_or_testing_is_inside(image: Image, tool: str) -> None:
    with pytest.raises(ContainerError):
        image.run("sh", "-c", f"command -v {tool}")
    with pytest.raises(ContainerError):
        image.python(f"import {tool.replace('-', '_').replace('cython', 'Cython')}")


def test_no_tests_and_no_manuals_are_inside(image: Image) -> None:
    folders = image.run("find", "/venv", "/app", "-type", "d", "(", "-name", "tests", "-o", "-name", "docs", ")")
    assert {path for path in folders.split() if not path.endswith("/docs")} == set()
    assert all("/boto" in path for path in folders.split()), "boto's docs are code that it imports"
    assert image.run("find", "/usr/share/man", "-type", "f") == ""


def test_what_the_control_image_runs_can_be_imported(control: Image) -> None:
    said = control.run("python", "-c", IMPORT_ALL, "chartcoder.cloud")
    assert said.strip() == "{}"
    control.python(
        "import awslambdaric, chartcoder.master, chartcoder.watching, chartcoder.launching, chartcoder.answering"
    )


def test_what_the_coder_image_runs_can_be_imported(coder: Image) -> None:
    failed = coder.run("python", "-c", IMPORT_ALL, "chartcoder.coding", "chartcoder.readers")
    expected = (*LEXICON_BUILDERS, *OPTIONAL)
    left = {name for name in json.loads(failed.replace("'", '"')) if not name.startswith(expected)}
    assert left == set()
    coder.python("import awslambdaric, chartcoder.worker")


@pytest.mark.parametrize("engine_name", ["compiled", "medspacy"])
def test_a_coder_that_has_its_chart_needs_no_network(coder: Image, engine_name: str) -> None:
    codes, assertions = json.loads(coder.python(CODE_ONE % engine_name))
    assert codes == ["E11.9"]
    assert assertions == ["present", "negated"]


def test_the_playbook_and_its_collection_are_whole(control: Image) -> None:
    said = control.run(
        "sh", "-c", "cd $CHARTCODER_PLAYBOOKS && ansible-playbook --inventory inventory.ini --syntax-check master.yml"
    )
    assert "playbook: master.yml" in said
    control.python("import ansible_collections.amazon.aws.plugins.modules.ec2_instance")


def test_the_source_is_compiled_since_nothing_can_be_written_when_it_runs(image: Image) -> None:
    sources, compiled = (
        image.run("sh", "-c", f"find /app/chartcoder -name '{pattern}' | wc -l") for pattern in ("*.py", "*.pyc")
    )
    assert int(sources) == int(compiled) > 0
