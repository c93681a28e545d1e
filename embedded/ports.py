"""Ports of loopback that nobody uses."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from embedded import HOST

# "ip_local_port_range", Linux' Documentation/networking/ip-sysctl.rst: what outgoing connections are given
OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
FIRST = 10_000  # well-known services live below
TRIES = 100


def is_free(port: int) -> bool:
    """Whether one can listen there: neither a server nor an outgoing connection has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: what has ended is not in the way
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(following: int = 0) -> int:
    """A port that nobody uses, and so many after it.

    Below those of outgoing connections: one of these could take a port between our asking and somebody's listening.
    """
    candidates = range(FIRST, int(OUTGOING.read_text().split()[0]) - following)
    for port in random.SystemRandom().sample(candidates, min(TRIES, len(candidates))):
        if all(map(is_free, range(port, port + following + 1))):
            return port
    with socket.socket() as probe:  # a machine that gives nearly every port to outgoing connections
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
