"""Where the API's parts are made and joined, once a function instance."""

from collections.abc import Mapping

import boto3

from chartcoder.answering import Answering
from chartcoder.cloud.charts import ChartStore
from chartcoder.cloud.fleet import FleetTable
from chartcoder.cloud.queue import ChartsQueue
from chartcoder.cloud.results import ResultsStore
from chartcoder.settings import Settings


def connect(environment: Mapping[str, str]) -> Answering:
    """The API's domain on the stack that the environment names."""
    settings = Settings.read(environment)
    s3, dynamodb = boto3.client("s3"), boto3.resource("dynamodb")
    return Answering(
        charts=ChartStore(s3, settings.charts_bucket, max_bytes=settings.max_chart_bytes),
        queue=ChartsQueue(boto3.client("sqs"), settings.charts_queue_url, settings.dead_letter_queue_url),
        results=ResultsStore(dynamodb.Table(settings.results_table), s3, settings.results_bucket),
        fleet=FleetTable(dynamodb.Table(settings.fleet_table)),
    )
