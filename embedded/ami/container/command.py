"""`docker` on an instance that is a container: the engine's own command line, its containers kept to the instance.

A container that the boot script runs shares the instance's network (what `--network=host` means on an instance), is
named after it and carries its label. Its output goes to CloudWatch with the instance's role: the engine's awslogs
driver would use the credentials of the machine we run on.
"""

from __future__ import annotations

import os
import subprocess
import sys

from embedded.ami.docker_run import hand_on_signals, read, send_output

ENGINE = "/usr/bin/docker"
PASSED_ON = ("AWS_ENDPOINT_URL",)
OWN = {"--label", "--log-driver", "--log-opt", "--name", "--network"}


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["run"]:
        return run(arguments[1:])
    if arguments[:1] == ["stop"]:
        arguments = ["stop", *(a if a.startswith("-") else named(a) for a in arguments[1:])]
    os.execv(ENGINE, [ENGINE, *arguments])  # noqa: S606 - becoming the engine's command line is the purpose


def named(container: str) -> str:
    """A container's name in an engine that many instances share."""
    return f"{os.environ['EMBEDDED_INSTANCE']}-{container}"


def run(arguments: list[str]) -> int:
    options, image, command = read(arguments)
    instance = os.environ["EMBEDDED_INSTANCE"]
    given = [f"{name}={value}" if value else name for name in options if name not in OWN for value in options[name]]
    given += [f"--network=container:{instance}", "--log-driver=none"]
    given += [f"--label=chartcoder.instance={instance}", f"--label=chartcoder.cloud={os.environ['EMBEDDED_CLOUD']}"]
    given += [f"--name={named(name)}" for name in options.get("--name", [])[-1:]]
    given += [f"--env={name}={os.environ[name]}" for name in PASSED_ON]
    process = subprocess.Popen(  # noqa: S603 - what the boot script asks for
        [ENGINE, "run", *given, image, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    hand_on_signals(process)
    return send_output(process, options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
