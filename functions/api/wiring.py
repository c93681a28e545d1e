"""Where the API's parts are made and joined, once a function instance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from chartcoder.answering import Answering
from chartcoder.answering.submitting import CONNECTIONS
from chartcoder.cloud.charts import ChartStore
from chartcoder.cloud.decisions import DecisionStore
from chartcoder.cloud.fleet import FleetTable
from chartcoder.cloud.key import KeyManagement
from chartcoder.cloud.queue import ChartsQueue
from chartcoder.cloud.results import ResultsStore
from chartcoder.settings import Settings
from functions.api.idempotency import Once


@dataclass(frozen=True, slots=True)
class Wired:
    """The API's domain, and what keeps a request from being done twice."""

    answering: Answering
    once: Once


def connect(environment: Mapping[str, str]) -> Wired:
    """The API's domain on the stack that the environment names."""
    settings = Settings.read(environment)
    s3 = boto3.client("s3", config=Config(signature_version="s3v4", max_pool_connections=CONNECTIONS))
    dynamodb = boto3.resource("dynamodb")
    results = dynamodb.Table(settings.results_table)
    answering = Answering(
        charts=ChartStore(s3, settings.charts_bucket, max_bytes=settings.max_chart_bytes),
        queue=ChartsQueue(boto3.client("sqs"), settings.charts_queue_url, settings.dead_letter_queue_url),
        results=ResultsStore(results, s3, settings.results_bucket),
        decisions=DecisionStore(results),
        fleet=FleetTable(dynamodb.Table(settings.fleet_table)),
        key_state=KeyManagement(boto3.client("kms")).state,
        describe_code=CoderFunction(boto3.client("lambda"), settings.coder_function).describe,
    )
    return Wired(answering, Once(settings.results_table))


class CoderFunction:
    """The coder's function, which has the release that codes are looked up in."""

    def __init__(self, functions: Any, name: str) -> None:
        """`functions`: a boto3 Lambda client."""
        self._functions, self._name = functions, name

    def describe(self, code: str) -> str | None:
        """The description of a code that may be billed; None of any other."""
        answer = self._functions.invoke(FunctionName=self._name, Payload=json.dumps({"code": code}).encode())
        described = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise RuntimeError("the coder function failed to describe a code; its log says where")
        return described["description"] if described and described["billable"] else None
