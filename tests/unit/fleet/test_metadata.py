"""The instance-metadata service, asked by token."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chartcoder.cloud import metadata as metadata_module
from chartcoder.cloud.metadata import InstanceMetadata
from chartcoder.errors import MetadataUnavailable


class Service(ThreadingHTTPServer):
    """A metadata service that takes tokens only."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.items = {"/latest/meta-data/instance-id": "i-0123456789abcdef0"}
        self.tokens: list[str] = []
        self.failures = 0  # answers to refuse before the next good one

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answering(BaseHTTPRequestHandler):
    server: Service

    def do_PUT(self) -> None:
        self.server.tokens.append(f"token-{len(self.server.tokens)}")
        self._answer(200, self.server.tokens[-1])

    def do_GET(self) -> None:
        if self.server.failures:
            self.server.failures -= 1
            self._answer(503)
        elif self.headers.get("X-aws-ec2-metadata-token") != self.server.tokens[-1]:
            self._answer(401)
        elif self.path in self.server.items:
            self._answer(200, self.server.items[self.path])
        else:
            self._answer(404)

    def _answer(self, status: int, body: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output is pytest's."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr(metadata_module, "FIRST_PAUSE", 0.0)
    server = Service()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_an_instance_learns_its_id(service):
    assert InstanceMetadata(service.endpoint).instance_id() == "i-0123456789abcdef0"


def test_the_address_is_the_one_the_aws_sdks_use(service):
    environment = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": service.endpoint + "/"}

    assert InstanceMetadata.from_environment(environment).instance_id() == "i-0123456789abcdef0"


def test_a_proxy_is_never_asked(service, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    assert InstanceMetadata(service.endpoint).instance_id() == "i-0123456789abcdef0"


def test_one_token_serves_many_questions_and_an_expired_one_is_replaced(service):
    metadata = InstanceMetadata(service.endpoint)
    metadata.instance_id()
    metadata.instance_id()
    assert len(service.tokens) == 1

    service.tokens.append("the service has forgotten the first")
    assert metadata.instance_id() == "i-0123456789abcdef0"
    assert len(service.tokens) == 3


def test_a_service_that_stumbles_is_asked_again(service):
    service.failures = 2

    assert InstanceMetadata(service.endpoint).instance_id() == "i-0123456789abcdef0"


def test_a_machine_without_the_service_is_told_so(service):
    service.shutdown()
    service.server_close()

    with pytest.raises(MetadataUnavailable, match="does not answer"):
        InstanceMetadata(service.endpoint, timeout=0.2).instance_id()


def test_an_instance_is_taken_back_only_once_ec2_has_announced_it(service):
    metadata = InstanceMetadata(service.endpoint)
    assert not metadata.spot_notice()

    service.items["/latest/meta-data/spot/instance-action"] = '{"action": "terminate"}'
    assert metadata.spot_notice()


def test_a_silent_service_has_announced_nothing(service):
    service.shutdown()
    service.server_close()

    assert not InstanceMetadata(service.endpoint, timeout=0.2).spot_notice()
