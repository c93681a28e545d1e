"""parliament and cloudsplaining over the policies of a stack's roles; run by the Python of .security/.

Reads templates with ARNs in place of references, `{"Resources": {...}}`, one a line, from standard input. Prints one
JSON object a finding: {"rule", "at", "says"}, and at last {"policies": how many were read}.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from cloudsplaining.scan.policy_document import PolicyDocument
from cloudsplaining.shared.exclusions import Exclusions
from parliament import analyze_policy_string

Json = dict[str, Any]

RISKS = (
    "allows_data_exfiltration_actions",
    "allows_privilege_escalation",
    "credentials_exposure",
    "infrastructure_modification",
    "permissions_management_without_constraints",
    "service_wildcard",
    "tagging_actions_without_constraints",
    "write_actions_without_constraints",
)


def main() -> None:
    read = 0
    for line in sys.stdin:
        for name, policy in policies(json.loads(line)["Resources"]):
            read += 1
            for finding in [*parliament(policy), *cloudsplaining(policy)]:
                print(json.dumps({"at": name, **finding}))
    print(json.dumps({"policies": read}))


def policies(resources: Json) -> Iterator[tuple[str, Json]]:
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::Role":
            yield from ((name, policy["PolicyDocument"]) for policy in properties.get("Policies", []))
        elif resource["Type"] in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"):
            yield name, properties["PolicyDocument"]


def parliament(policy: Json) -> Iterator[Json]:
    for finding in analyze_policy_string(json.dumps(policy), include_community_auditors=True).findings:
        yield {"rule": f"parliament:{finding.issue}", "says": str(finding.detail)}


def cloudsplaining(policy: Json) -> Iterator[Json]:
    """Conditions do not excuse here: what they narrow is said in the exceptions."""
    document = PolicyDocument(policy, exclusions=Exclusions({}), flag_conditional_statements=True)
    for risk in RISKS:
        if found := getattr(document, risk):
            yield {"rule": f"cloudsplaining:{risk}", "says": ", ".join(str(action) for action in found)}


if __name__ == "__main__":
    main()
