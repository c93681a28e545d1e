"""Ports that are given are nobody's: not a server's, and not one that an outgoing connection may be given."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from embedded import HOST, ports


def test_a_port_is_free_until_somebody_listens() -> None:
    port = ports.free_port()
    assert ports.is_free(port)
    with socket.socket() as server:
        server.bind((HOST, port))
        server.listen()
        assert not ports.is_free(port)


def test_the_port_of_an_outgoing_connection_is_not_free() -> None:
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen()
        with socket.create_connection(server.getsockname()) as client:
            assert not ports.is_free(client.getsockname()[1])


def test_no_outgoing_connection_is_given_a_free_port_nor_those_that_follow() -> None:
    first_outgoing = int(ports.OUTGOING.read_text().split()[0])
    assert all(ports.free_port(2) + 2 < first_outgoing for _ in range(20))


def test_where_outgoing_connections_have_every_port_the_kernel_chooses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = tmp_path / "ip_local_port_range"
    everything.write_text("1024\t65535\n")
    monkeypatch.setattr(ports, "OUTGOING", everything)
    assert ports.is_free(ports.free_port(1))
