"""`make security`: every rule set over template, playbooks, images and code; fails on what no exception covers."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.security import rule_sets
from tools.security.findings import Finding, NotChecked, judge, read_exceptions
from tools.security.rendering import Template, render_plain, render_variants

EXCEPTIONS = rule_sets.HERE / "exceptions.yaml"

Check = tuple[str, Callable[[], Iterable[Finding]]]


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        checks = template_checks(
            rule_sets.ROOT / "template.yaml", rule_sets.ROOT / "repositories.yaml", Path(folder)
        ) + file_checks(tracked_files())
        found, broken = run_all(checks)
    complaints = broken + ([] if broken else judge(found, read_exceptions(EXCEPTIONS)))
    for complaint in complaints:
        print(f"  {complaint}")
    if complaints:
        print(f"security: {len(complaints)} complaints")
        return 1
    print(f"security: {len(found)} findings, each an exception with its reason in {EXCEPTIONS.name}")
    return 0


def template_checks(template: Path, repositories: Path, folder: Path) -> list[Check]:
    """The rule sets that read templates, over each variant of the stack and over the images' repositories."""
    with_references: list[Path] = []
    with_names: list[Path] = []
    names: list[Template] = []
    for variant, references, named in [*render_variants(template), render_plain(repositories)]:
        for paths, kind, content in ((with_references, "references", references), (with_names, "names", named)):
            paths.append(folder / f"{variant}.{kind}.json")
            paths[-1].write_text(json.dumps(content))
        names.append(named)
    return [
        ("cfn-lint with cfn-lint-serverless", lambda: rule_sets.cfn_lint([template, repositories])),
        ("cdk-nag: HIPAA.Security, NIST.800-53.R5, AwsSolutions", lambda: rule_sets.cdk_nag(with_references)),
        ("cfn-guard: AWS Control Tower", lambda: rule_sets.control_tower(with_names)),
        ("checkov: CloudFormation", lambda: rule_sets.checkov_templates(with_references)),
        ("parliament, cloudsplaining: IAM", lambda: rule_sets.identity_policies(names)),
    ]


def file_checks(files: list[str]) -> list[Check]:
    """The rule sets that read files of the checkout."""
    python = [name for name in files if name.endswith(".py")]
    shipped = [name for name in python if not name.startswith("tests/")]
    dockerfiles = [name for name in files if Path(name).name.startswith("Dockerfile")]
    # lock files are generated, and hashes all through
    written = [
        name for name in files if not name.endswith("package-lock.json") and not name.startswith("requirements/")
    ]
    by_framework = {
        "dockerfile": dockerfiles,
        "ansible": [name for name in files if name.startswith("playbooks/") and name.endswith(".yml")],
        "github_actions": [name for name in files if name.startswith(".github/workflows/")],
        "secrets": written,
    }
    return [
        ("detect-secrets", lambda: rule_sets.secrets(written)),
        ("checkov: Dockerfile, Ansible, GitHub Actions, secrets", lambda: rule_sets.checkov_files(by_framework)),
        ("hadolint", lambda: rule_sets.hadolint(dockerfiles)),
        ("bandit", lambda: rule_sets.bandit(shipped)),
        ("ruff: S", lambda: rule_sets.ruff_security(python)),
    ]


def tracked_files() -> list[str]:
    """Every text of the checkout that git knows or would take."""
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(asked, cwd=rule_sets.ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603
    return [name for name in listed.splitlines() if (rule_sets.ROOT / name).is_file()]


def run_all(checks: list[Check]) -> tuple[set[Finding], list[str]]:
    """Runs two at a time; (what was found, which could not check)."""
    found: set[Finding] = set()
    broken: list[str] = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for name, outcome in zip((name for name, _ in checks), pool.map(_outcome, checks), strict=True):
            findings, error, seconds = outcome
            found |= findings
            broken += [f"{name}: {error}"] if error else []
            print(f"== {name}: {error or f'{len(findings)} findings'}, {seconds:.0f} s", flush=True)
    return found, broken


def _outcome(check: Check) -> tuple[set[Finding], str, float]:
    started = time.monotonic()
    try:
        return set(check[1]()), "", time.monotonic() - started
    except NotChecked as error:
        return set(), str(error), time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main())
