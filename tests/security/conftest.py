"""The services' stand-ins of the contract tests, and the API's function on them."""

from tests.contract.conftest import aws
from tests.contract.test_api import call, results

__all__ = ["aws", "call", "results"]
