"""`aws ecr get-login-password`: the one call of the command line that an instance's boot script makes."""

from __future__ import annotations

import base64
import sys

from embedded.ami import metadata


def main(arguments: list[str]) -> int:
    words = [a for a in arguments if not a.startswith("--")]
    if words[:2] != ["ecr", "get-login-password"]:
        print(f"aws: the embedded instance knows `ecr get-login-password`, not {' '.join(words[:2])}", file=sys.stderr)
        return 252
    answer = metadata.call("ecr", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken", {})
    data = answer["authorizationData"]
    assert isinstance(data, list)  # noqa: S101 - GetAuthorizationToken's shape
    print(base64.b64decode(data[0]["authorizationToken"]).decode().partition(":")[2])
    return 0


sys.exit(main(sys.argv[1:]))
