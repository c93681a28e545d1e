"""Nothing that is shipped can turn TLS or the verification of certificates off, or send calls elsewhere than to AWS."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chartcoder.cli.connection import Connection
from chartcoder.errors import BadRequest

ROOT = Path(__file__).parents[2]
SHIPPED = ("src/chartcoder", "functions", "worker_image", "playbooks/library")
LOOSENING = {"verify", "verify_ssl", "use_ssl", "check_hostname", "cert_reqs", "endpoint_url", "validate_certs"}
UNVERIFIED = {"_create_unverified_context", "_create_default_https_context", "CERT_NONE", "disable_warnings"}
VARIABLES = re.compile(
    r"AWS_ENDPOINT_URL|AWS_CA_BUNDLE|AWS_USE_FIPS|PYTHONHTTPSVERIFY|(REQUESTS|CURL)_CA_BUNDLE|SSL_CERT"
)
NAMES = re.compile(
    r"http://(169\.254\.169\.254$"  # the metadata service, on the instance itself: it speaks no TLS
    # names of vocabularies and of XML's dialects: never fetched
    r"|([\w-]+\.)*(loinc\.org|hl7\.org|snomed\.info|w3\.org|openxmlformats\.org)(/|$))"
)

LOOPBACK_ONLY = {
    "src/chartcoder/cli/connection.py": 3,  # --endpoint: the embedded cloud's, refused anywhere but on loopback
    "src/chartcoder/cli/review.py": 1,  # the page's own door, opened on loopback
}
"""Modules of the command line that speak to the user's own machine, and how many lines do."""


def loose_ends(source: str) -> Iterator[str]:
    """What in a module loosens TLS, or could."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword) and node.arg in LOOSENING:
            yield f"{node.arg}= in line {node.value.lineno}"
        elif isinstance(node, ast.Attribute | ast.Name):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            if name in UNVERIFIED:
                yield f"{name} in line {node.lineno}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and loosens(node.value):
            yield f"{node.value[:40]!r} in line {node.lineno}"


def loosens(text: str) -> bool:
    """Whether a string names a variable that loosens TLS, or an address that is spoken to without it."""
    return bool(VARIABLES.search(text)) or (text.startswith("http://") and not NAMES.match(text))


@pytest.mark.parametrize("folder", SHIPPED)
def test_no_shipped_module_loosens_tls_or_names_another_endpoint(folder: str) -> None:
    modules = list((ROOT / folder).rglob("*.py"))
    assert modules
    found = {module.relative_to(ROOT).as_posix(): list(loose_ends(module.read_text())) for module in modules}
    assert {name: ends for name, ends in found.items() if len(ends) != LOOPBACK_ONLY.get(name, 0)} == {}


def test_the_command_line_asks_no_endpoint_but_on_loopback() -> None:
    for endpoint in (
        "http://example.org",
        "https://example.org:443",
        "http://127.0.0.1.example.org",
        "ftp://127.0.0.1",
    ):
        with pytest.raises(BadRequest, match="endpoint"):
            Connection("chartcoder", endpoint)


@pytest.mark.parametrize(
    "line",
    [
        "boto3.client('s3', verify=False)",
        "boto3.client('s3', use_ssl=False)",
        "boto3.client('s3', endpoint_url=where)",
        "ssl._create_default_https_context = ssl._create_unverified_context",
        "os.environ['AWS_CA_BUNDLE'] = path",
        "os.environ.pop('PYTHONHTTPSVERIFY')",
        "urllib.request.urlopen('http://example.org')",
    ],
)
def test_a_line_that_would_is_noticed(line: str) -> None:
    assert list(loose_ends(line))


def test_no_playbook_boot_script_or_image_loosens_tls() -> None:
    files = [path for path in (ROOT / "playbooks").rglob("*") if path.suffix in (".yml", ".sh")]
    files += [ROOT / "functions" / "Dockerfile", ROOT / "worker_image" / "Dockerfile"]
    loose = re.compile(
        r"validate_certs|--insecure|curl [^\n]*\s-\w*k\b|no-check-certificate|no-verify-ssl|trusted-host"
        r"|http://(?!169\.254\.169\.254)|" + VARIABLES.pattern
    )
    assert {path.name: loose.findall(path.read_text()) for path in files if loose.search(path.read_text())} == {}
