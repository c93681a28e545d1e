"""The services' stand-ins for contract tests: moto, in this process."""

from collections.abc import Iterator
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws

REGION = "us-east-1"
TABLE_KEYS = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """Clients of an empty account with the stack's bucket, queue, dead letter queue and tables."""
    for name, value in {
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        s3, sqs, dynamodb = boto3.client("s3"), boto3.client("sqs"), boto3.resource("dynamodb")
        for bucket in ("charts", "results"):
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        dead_letter_url = sqs.create_queue(QueueName="dead")["QueueUrl"]
        queue_url = sqs.create_queue(QueueName="charts", Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
        results = dynamodb.create_table(
            TableName="results",
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "failed_pk", "failed_sk")
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "FailuresIndex",
                    "KeySchema": [
                        {"AttributeName": "failed_pk", "KeyType": "HASH"},
                        {"AttributeName": "failed_sk", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            **TABLE_KEYS,
        )
        fleet = dynamodb.create_table(
            TableName="fleet",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            **TABLE_KEYS,
        )
        yield SimpleNamespace(
            s3=s3,
            sqs=sqs,
            results_table=results,
            fleet_table=fleet,
            queue_url=queue_url,
            dead_letter_url=dead_letter_url,
        )
