"""The rule sets, one function each: what they run over goes in, what they find comes out.

A tool that ends badly, or that says it looked at nothing, raises NotChecked. Comments in the code that silence a rule
(`noqa`, `nosec`, `hadolint ignore`) are passed over: exceptions are in one file.
"""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.security.findings import Finding, NotChecked
from tools.security.rendering import Template

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tools" / "security"
OURS = ROOT / ".venv" / "bin"
THEIRS = ROOT / ".security" / "bin"
MODULES = HERE / "node_modules"

Findings = Iterator[Finding]


def run(command: Sequence[str | Path], *, good: tuple[int, ...] = (0,), given: str | None = None) -> str:
    """What a tool prints, with `given` on its standard input.

    Raises:
        NotChecked: it ended with a status that is neither "all well" nor "something found", or could not be started.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(command, cwd=ROOT, input=given, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        raise NotChecked(f"{name} cannot be started ({error.strerror}); `make security` installs it") from None
    if done.returncode not in good:
        raise NotChecked(f"{name} ended with status {done.returncode}: {done.stderr.strip()[-600:]}")
    return done.stdout


def cfn_lint(templates: Sequence[Path]) -> Findings:
    """cfn-lint with cfn-lint-serverless, informational checks included."""
    serverless = ["--append-rules", "cfn_lint_serverless.rules", "--include-checks", "I"]
    printed = run(
        [THEIRS / "cfn-lint", *serverless, "--format", "json", "--template", *map(str, templates)],
        good=(0, 2, 4, 6, 8, 10, 12, 14),
    )
    for found in json.loads(printed):
        path = found["Location"]["Path"] or []
        at = path[1] if path[:1] == ["Resources"] else Path(found["Filename"]).name
        yield Finding(f"cfn-lint:{found['Rule']['Id']}", str(at), found["Message"])


def cdk_nag(templates: Sequence[Path]) -> Findings:
    """The packs HIPAA.Security, NIST.800-53.R5 and AwsSolutions."""
    looked = 0
    for line in run([THEIRS / "node", HERE / "cdk_nag.mjs", *templates]).splitlines():
        said = json.loads(line)
        looked += 1
        if said["kind"] == "unread":
            yield Finding(f"cdk-nag:unread:{said['rule']}", said["at"], said["says"])
        elif said["kind"] == "found":
            yield Finding(f"cdk-nag:{said['rule']}", said["at"], said["says"])
    if looked < 100 * len(templates):
        raise NotChecked(
            f"cdk-nag looked {looked} times at {len(templates)} templates; expected 100 a template or more"
        )


def control_tower(templates: Sequence[Path]) -> Findings:
    """cfn-guard with the rules of AWS Control Tower's proactive controls."""
    package = MODULES / "@cdklabs" / "cdk-validator-cfnguard"
    guard = package / "bin" / "ubuntu" / platform.machine() / "cfn-guard"
    data = [part for template in templates for part in ("--data", str(template))]
    rules = ["--rules", str(package / "rules" / "control-tower" / "cfn-guard")]
    asked = ["--type", "CFNTemplate", "--output-format", "json", "--show-summary", "none", "--structured"]
    for report in json.loads(run([guard, "validate", *data, *rules, *asked], good=(0, 19))):
        if not report["compliant"]:
            raise NotChecked(f"cfn-guard found no rule of its for {report['name']}")
        for broken in report["not_compliant"]:
            rule, says = broken["Rule"]["name"], _guards_words(broken)
            for at in sorted(_resources_named(broken)) or ["template.yaml"]:
                yield Finding(f"cfn-guard:{rule}", at, says)


def _guards_words(node: Any) -> str:
    """The first message of a report's tree that names its control."""
    if isinstance(node, dict):
        message = node.get("custom_message")
        if isinstance(message, str) and "[CT." in message:
            return " ".join(message.split()).partition(" [FIX]")[0]
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return next((words for child in children if (words := _guards_words(child))), "")


def _resources_named(node: Any) -> set[str]:
    """The logical ids at which a report's tree has a value that is wrong."""
    if isinstance(node, dict):
        path = node.get("path")
        own = {path.split("/")[2]} if isinstance(path, str) and path.startswith("/Resources/") else set()
        return own.union(*(_resources_named(child) for child in node.values()))
    return set().union(*(_resources_named(child) for child in node)) if isinstance(node, list) else set()


def identity_policies(templates: Sequence[Template]) -> Findings:
    """parliament and cloudsplaining over every role's statements."""
    given = "".join(json.dumps(template) + "\n" for template in templates)
    *found, last = run([THEIRS / "python", HERE / "identity_policies.py"], given=given).splitlines()
    if json.loads(last)["policies"] < 6 * len(templates):
        raise NotChecked(f"{last} policies read in {len(templates)} templates; expected six a template or more")
    for line in found:
        said = json.loads(line)
        yield Finding(said["rule"], said["at"], said["says"])


def checkov_templates(templates: Sequence[Path]) -> Findings:
    """checkov's CloudFormation rules."""
    for check in _checkov({"cloudformation": templates}):
        yield Finding(f"checkov:{check['check_id']}", check["resource"].partition(".")[2], check["check_name"])


def checkov_files(files: Mapping[str, Sequence[str]]) -> Findings:
    """checkov's rules for files, by framework (`dockerfile`, `ansible`, `github_actions`, `secrets`)."""
    for check in _checkov(files):
        yield Finding(f"checkov:{check['check_id']}", check["file_path"].lstrip("/"), check["check_name"])


def _checkov(files: Mapping[str, Sequence[Path | str]]) -> Iterator[dict[str, Any]]:
    named = [name for each in files.values() for name in each]
    asked = ["--framework", *files, "--skip-download", "--compact", "--output", "json", "--file", *named]
    reports = json.loads(run([THEIRS / "checkov", *asked], good=(0, 1)))
    reports = {report["check_type"]: report for report in (reports if isinstance(reports, list) else [reports])}
    for framework in files:
        # checkov counts no secret that it did not find, and then makes no report
        summary = reports.get(framework, {}).get("summary", {"passed": framework == "secrets", "parsing_errors": 0})
        if summary["parsing_errors"] or not summary["passed"] + summary.get("failed", 0):
            raise NotChecked(f"checkov, {framework}: {summary}; expected checks, and no parsing error")
    for report in reports.values():
        yield from report["results"]["failed_checks"]


def hadolint(dockerfiles: Sequence[str]) -> Findings:
    printed = run([THEIRS / "hadolint", "--disable-ignore-pragma", "--format", "json", *dockerfiles], good=(0, 1))
    for found in json.loads(printed):
        yield Finding(f"hadolint:{found['code']}", found["file"], found["message"])


def bandit(python: Sequence[str]) -> Findings:
    printed = run([THEIRS / "bandit", "--ignore-nosec", "--quiet", "--format", "json", *python], good=(0, 1))
    report = json.loads(printed)
    if report["errors"] or len(report["metrics"]) <= len(python):  # one entry a file, and the totals
        raise NotChecked(f"bandit read {len(report['metrics']) - 1} of {len(python)} files; {report['errors']}")
    for found in report["results"]:
        yield Finding(f"bandit:{found['test_id']}", found["filename"].removeprefix("./"), found["issue_text"])


def ruff_security(python: Sequence[str]) -> Findings:
    """ruff's S rules, those that comments and settings silence included."""
    asked = ["--isolated", "--select", "S", "--target-version", "py311", "--ignore-noqa", "--output-format", "json"]
    for found in json.loads(run([OURS / "ruff", "check", *asked, *python], good=(0, 1))):
        at = Path(found["filename"]).relative_to(ROOT).as_posix()
        yield Finding(f"ruff:{found['code']}", at, found["message"])


def secrets(files: Sequence[str]) -> Findings:
    """detect-secrets; no word of what it found is repeated."""
    report = json.loads(run([OURS / "detect-secrets", "scan", "--all-files", *files]))
    if not report["plugins_used"]:
        raise NotChecked("detect-secrets used no plugin")
    for name, found in report["results"].items():
        for one in found:
            kind = one["type"].replace(" ", "-")
            yield Finding(f"detect-secrets:{kind}", name, f"line {one['line_number']} looks like a secret")
