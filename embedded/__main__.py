"""`python -m embedded`: the embedded cloud in the foreground, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from embedded.cloud import EmbeddedCloud
from embedded.sam_local import write_template


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m embedded", description="AWS on loopback with the project's stack.")
    parser.add_argument("--data", type=Path, default=Path(".chartcoder"), help="where state and logs are kept")
    parser.add_argument(
        "--port",
        type=int,
        default=8460,
        help="the API's; the next ones are the AWS endpoint's and, with --docker, the registry's",
    )
    parser.add_argument("--project", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--without-iam", action="store_true", help="allow everybody everything")
    parser.add_argument("--docker", action="store_true", help="instances and functions are containers")
    parser.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE", help="of the template")
    options = parser.parse_args()
    parameters = dict(given.partition("=")[::2] for given in options.parameter)
    # blocked before any thread starts, so that sigwait below is where they arrive
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    with EmbeddedCloud(
        options.project,
        options.data,
        parameters=parameters,
        port=options.port,
        enforce_iam=not options.without_iam,
        docker=options.docker,
        say=lambda step: print(step, flush=True),
    ) as cloud:
        print(f"API       {cloud.api_url}")
        for name, value in cloud.environment.items():
            print(f"export {name}={value}")
        for name, value in sorted(cloud.outputs.items()):
            print(f"{name:28}{value}")
        for name, reason in cloud.without_effect.items():
            print(f"without effect here: {name} ({reason})")
        if cloud.containers and cloud.containers.place:
            template = write_template(cloud, cloud.data / "sam-local.json")
            print(f"sam local   --template {template} --docker-network {cloud.containers.place.network}")
        sys.stdout.flush()
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return 0


if __name__ == "__main__":
    sys.exit(main())
