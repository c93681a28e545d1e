"""What the fleet's own credentials and the API's callers may not do, where the cloud enforces IAM.

The stack is the real template's, and so are the roles. Each refusal must be IAM's own: a call that fails because what
it names is not there shows nothing.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError

from chartcoder.cloud.charts import ChartReference
from chartcoder.cloud.results import Outcome, ResultsStore, pack
from chartcoder.errors import CodingFailed
from embedded import REGION
from embedded.cloud import EmbeddedCloud
from embedded.sigv4 import sign

PROJECT = Path(__file__).resolve().parents[2]
NO_RUNS = {"BacklogThreshold": "1000"}  # these tests act in the fleet's name, without one
REFUSED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
CHART = {"Key": "charts/b1/c1.txt"}

Clients = Callable[[str], Any]


class Stack:
    """A deployed stack with one chart in it, one waiting message, and another stack's bucket beside it."""

    def __init__(self, cloud: EmbeddedCloud) -> None:
        self.cloud, self.settings = cloud, cloud.settings
        self.others_bucket = "another-stack-charts-111122223333"
        self.owner = cloud.client
        self.owner("s3").create_bucket(Bucket=self.others_bucket)
        for bucket in (self.settings.charts_bucket, self.others_bucket):
            self.owner("s3").put_object(Bucket=bucket, Body=b"Hypertension.", **CHART)
        self.owner("s3").put_object(Bucket=self.settings.results_bucket, Key="results/b1/c1/0.json.zz", Body=b"x")
        lease = {"pk": {"S": "LEASE"}, "sk": {"S": "LEASE"}, "generation": {"N": "1"}}
        self.owner("dynamodb").put_item(TableName=self.settings.fleet_table, Item=lease)

    def session_of(self, role: str) -> dict[str, Any]:
        """What boto3 makes a client or a resource of, in the name of a role of the stack."""
        arn = self.owner("iam").get_role(RoleName=self.cloud.resources[role])["Role"]["Arn"]
        session = self.owner("sts").assume_role(RoleArn=arn, RoleSessionName="i-0123456789abcdef0")["Credentials"]
        own = {
            "aws_access_key_id": session["AccessKeyId"],
            "aws_secret_access_key": session["SecretAccessKey"],
            "aws_session_token": session["SessionToken"],
        }
        return {**self.cloud.emulator.client_arguments(), **own}

    def in_the_name_of(self, role: str) -> Clients:
        """A maker of clients with a session of a role of the stack."""
        session = self.session_of(role)
        return lambda service: boto3.client(service, **session)

    def launch(self, template: str, **arguments: Any) -> str:
        """An instance of the stack, launched by the account's owner; does nothing."""
        return launch(self.owner, template, **arguments)


def launch(clients: Clients, template: str, **arguments: Any) -> str:
    asked = {"LaunchTemplateId": template, "Version": "$Latest"}
    answer = clients("ec2").run_instances(LaunchTemplate=asked, MinCount=1, MaxCount=1, **arguments)
    return str(answer["Instances"][0]["InstanceId"])


def tagged(stack: str, role: str) -> list[dict[str, Any]]:
    tags = [{"Key": "chartcoder:stack", "Value": stack}, {"Key": "chartcoder:role", "Value": role}]
    return [{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("cloud")
    with EmbeddedCloud(PROJECT, folder, parameters=NO_RUNS, persist=False) as cloud:
        yield Stack(cloud)


@pytest.fixture(scope="module")
def worker(stack: Stack) -> Clients:
    return stack.in_the_name_of("WorkerRole")


@pytest.fixture(scope="module")
def master(stack: Stack) -> Clients:
    return stack.in_the_name_of("MasterRole")


Forbidden = Callable[[Stack, Clients], Any]

FOR_BOTH: dict[str, Forbidden] = {
    "delete a chart": lambda s, c: c("s3").delete_object(Bucket=s.settings.charts_bucket, **CHART),
    "put a chart": lambda s, c: c("s3").put_object(Bucket=s.settings.charts_bucket, Key="charts/b1/c2.txt", Body=b"x"),
    "list the charts": lambda s, c: c("s3").list_objects_v2(Bucket=s.settings.charts_bucket),
    "list the results": lambda s, c: c("s3").list_objects_v2(Bucket=s.settings.results_bucket),
    "read a result": lambda s, c: c("s3").get_object(Bucket=s.settings.results_bucket, Key="results/b1/c1/0.json.zz"),
    "delete a result": lambda s, c: c("s3").delete_object(
        Bucket=s.settings.results_bucket, Key="results/b1/c1/0.json.zz"
    ),
    "read another stack's chart": lambda s, c: c("s3").get_object(Bucket=s.others_bucket, **CHART),
    "open a bucket": lambda s, c: c("s3").delete_bucket_policy(Bucket=s.settings.charts_bucket),
    "scan the results": lambda s, c: c("dynamodb").scan(TableName=s.settings.results_table),
    "delete a record": lambda s, c: c("dynamodb").delete_item(
        TableName=s.settings.fleet_table, Key={"pk": {"S": "LEASE"}, "sk": {"S": "LEASE"}}
    ),
    "delete a table": lambda s, c: c("dynamodb").delete_table(TableName=s.settings.fleet_table),
    "send to the queue": lambda s, c: c("sqs").send_message(QueueUrl=s.settings.charts_queue_url, MessageBody="x"),
    "purge the queue": lambda s, c: c("sqs").purge_queue(QueueUrl=s.settings.charts_queue_url),
    "read the dead letters": lambda s, c: c("sqs").receive_message(QueueUrl=s.settings.dead_letter_queue_url),
    "delete the queue": lambda s, c: c("sqs").delete_queue(QueueUrl=s.settings.charts_queue_url),
    "launch an instance of its own making": lambda s, c: c("ec2").run_instances(
        ImageId="ami-0c2023a1b2c3d4e5f", InstanceType="c7i.xlarge", MinCount=1, MaxCount=1
    ),
    "launch a master": lambda s, c: launch(
        c, s.settings.master_launch_template, TagSpecifications=tagged(s.settings.stack, "master")
    ),
    "end a master": lambda s, c: c("ec2").terminate_instances(
        InstanceIds=[s.launch(s.settings.master_launch_template)]
    ),
    "tag an instance that runs": lambda s, c: c("ec2").create_tags(
        Resources=[s.launch(s.settings.master_launch_template)],
        Tags=[{"Key": "chartcoder:role", "Value": "worker"}],
    ),
    "call a function": lambda s, c: c("lambda").invoke(FunctionName=s.settings.coder_function, Payload=b"{}"),
    "disable the key": lambda s, c: c("kms").disable_key(KeyId=s.cloud.resources["Key"]),
    "schedule the key's deletion": lambda s, c: c("kms").schedule_key_deletion(KeyId=s.cloud.resources["Key"]),
    "encrypt with the key outside of a service": lambda s, c: c("kms").generate_data_key(
        KeyId=s.cloud.resources["Key"], KeySpec="AES_256"
    ),
    "lend the key": lambda s, c: c("kms").create_grant(
        KeyId=s.cloud.resources["Key"],
        GranteePrincipal="arn:aws:iam::111122223333:root",
        Operations=["Decrypt"],
    ),
    "widen its own role": lambda s, c: c("iam").attach_role_policy(
        RoleName=s.cloud.resources["WorkerRole"], PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    ),
    "make a user": lambda s, c: c("iam").create_user(UserName="somebody"),
    "become the launcher": lambda s, c: c("sts").assume_role(
        RoleArn=f"arn:aws:iam::111122223333:role/{s.cloud.resources['LauncherRole']}", RoleSessionName="mine"
    ),
    "delete a log": lambda s, c: c("logs").delete_log_group(logGroupName=s.settings.worker_log_group),
    "read a log": lambda s, c: c("logs").filter_log_events(logGroupName=s.settings.worker_log_group),
    "read traces": lambda s, c: c("xray").batch_get_traces(TraceIds=["1-581cf771-a006649127e371903a2de979"]),
    "silence an alarm": lambda s, c: c("cloudwatch").disable_alarm_actions(
        AlarmNames=[s.cloud.resources["NotTerminatedAlarm"]]
    ),
    "change the stack": lambda s, c: c("cloudformation").delete_stack(StackName=s.settings.stack),
}

FOR_A_WORKER: dict[str, Forbidden] = {
    "read the fleet's table": lambda s, c: c("dynamodb").get_item(
        TableName=s.settings.fleet_table, Key={"pk": {"S": "RUN"}, "sk": {"S": "r"}}
    ),
    "take the lease": lambda s, c: c("dynamodb").update_item(
        TableName=s.settings.fleet_table,
        Key={"pk": {"S": "LEASE"}, "sk": {"S": "LEASE"}},
        UpdateExpression="SET generation = :one",
        ExpressionAttributeValues={":one": {"N": "9"}},
    ),
    "launch a worker": lambda s, c: launch(
        c, s.settings.worker_launch_template, TagSpecifications=tagged(s.settings.stack, "worker")
    ),
    "end a worker": lambda s, c: c("ec2").terminate_instances(
        InstanceIds=[s.launch(s.settings.worker_launch_template)]
    ),
    "look at instances": lambda s, c: c("ec2").describe_instances(),
    "write the master's log": lambda s, c: c("logs").create_log_stream(
        logGroupName=s.settings.master_log_group, logStreamName="mine"
    ),
}

FOR_A_MASTER: dict[str, Forbidden] = {
    "read a chart": lambda s, c: c("s3").get_object(Bucket=s.settings.charts_bucket, **CHART),
    "take a message": lambda s, c: c("sqs").receive_message(QueueUrl=s.settings.charts_queue_url),
    "read a chart's record": lambda s, c: c("dynamodb").get_item(
        TableName=s.settings.results_table, Key={"pk": {"S": "BATCH#b1"}, "sk": {"S": "CHART#c1"}}
    ),
    "write a chart's record": lambda s, c: c("dynamodb").put_item(
        TableName=s.settings.results_table, Item={"pk": {"S": "BATCH#b1"}, "sk": {"S": "CHART#c1"}}
    ),
    "launch a worker of a larger type": lambda s, c: launch(
        c,
        s.settings.worker_launch_template,
        InstanceType="m7i.2xlarge",
        TagSpecifications=tagged(s.settings.stack, "worker"),
    ),
    "launch a worker that answers without tokens": lambda s, c: launch(
        c,
        s.settings.worker_launch_template,
        MetadataOptions={"HttpTokens": "optional"},
        TagSpecifications=tagged(s.settings.stack, "worker"),
    ),
    "launch a worker as another stack's": lambda s, c: launch(
        c, s.settings.worker_launch_template, TagSpecifications=tagged("another-stack", "worker")
    ),
    "launch a worker in another subnet": lambda s, c: launch(
        c,
        s.settings.worker_launch_template,
        NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": s.cloud.resources["PrivateSubnetB"]}],
        TagSpecifications=tagged(s.settings.stack, "worker"),
    ),
    "launch a worker of another image": lambda s, c: launch(
        c,
        s.settings.worker_launch_template,
        ImageId="ami-0123456789abcdef0",
        TagSpecifications=tagged(s.settings.stack, "worker"),
    ),
    "launch a worker with the master's role": lambda s, c: launch(
        c,
        s.settings.worker_launch_template,
        IamInstanceProfile={"Name": s.cloud.resources["MasterInstanceProfile"]},
        TagSpecifications=tagged(s.settings.stack, "worker"),
    ),
    "end another stack's worker": lambda s, c: c("ec2").terminate_instances(
        InstanceIds=[s.launch(s.settings.worker_launch_template, TagSpecifications=tagged("another-stack", "worker"))]
    ),
}


RECORD = {"Key": {"pk": {"S": "BATCH#b2"}, "sk": {"S": "CHART#c1"}}}


def read(s: Stack, c: Clients, **asked: Any) -> Any:
    return c("dynamodb").get_item(TableName=s.settings.results_table, **{**RECORD, **asked})


FOR_A_WATCHDOG: dict[str, Forbidden] = {
    "read a chart's whole record": read,
    "read a chart's result": lambda s, c: read(
        s, c, ProjectionExpression="#r", ExpressionAttributeNames={"#r": "result"}
    ),
    "read a chart's codes beside its state": lambda s, c: read(
        s, c, ProjectionExpression="#s, codes", ExpressionAttributeNames={"#s": "state"}
    ),
    "read which charts bill a code": lambda s, c: read(
        s, c, Key={"pk": {"S": "CODE#I10"}, "sk": {"S": "b2/c1"}}, ProjectionExpression="pk, sk"
    ),
    "ask for a batch's charts": lambda s, c: c("dynamodb").query(
        TableName=s.settings.results_table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "BATCH#b2"}},
        ProjectionExpression="pk, sk",
    ),
    "scan the results": FOR_BOTH["scan the results"],
    "read a result": FOR_BOTH["read a result"],
    "read a chart": lambda s, c: c("s3").get_object(Bucket=s.settings.charts_bucket, **CHART),
    "take a message": lambda s, c: c("sqs").receive_message(QueueUrl=s.settings.charts_queue_url),
}


def refused(call: Forbidden, stack: Stack, clients: Clients) -> None:
    with pytest.raises(ClientError) as said:
        call(stack, clients)
    error = said.value.response["Error"]
    assert error["Code"] in REFUSED, error
    assert "not authorized" in error["Message"] or error["Code"] == "AccessDenied", error


@pytest.mark.parametrize("what", [*FOR_BOTH, *FOR_A_WORKER])
def test_a_worker_may_not(stack: Stack, worker: Clients, what: str) -> None:
    refused((FOR_BOTH | FOR_A_WORKER)[what], stack, worker)


@pytest.mark.parametrize("what", [*FOR_BOTH, *FOR_A_MASTER])
def test_a_master_may_not(stack: Stack, master: Clients, what: str) -> None:
    refused((FOR_BOTH | FOR_A_MASTER)[what], stack, master)


@pytest.mark.parametrize("what", FOR_A_WATCHDOG)
def test_a_watchdog_may_not(stack: Stack, what: str) -> None:
    refused(FOR_A_WATCHDOG[what], stack, stack.in_the_name_of("WatchdogRole"))


def test_a_watchdog_may_list_a_failure_in_place_of_an_earlier_uploads_result(stack: Stack) -> None:
    """All that it does with a dead letter, by the code that does it, with its own rights and no more."""
    settings = stack.settings
    owners = ResultsStore(stack.cloud.table(settings.results_table), stack.owner("s3"), settings.results_bucket)
    first, again = (ChartReference("charts/b2/c1.txt", "v1", 10, sequencer) for sequencer in "12")
    owners.store([Outcome(first, "coded", ("I10",), pack({"codes": ["I10"]}))], worker="i-1", run="run-1")
    session = stack.session_of("WatchdogRole")
    table = boto3.resource("dynamodb", **session).Table(settings.results_table)
    watchdogs = ResultsStore(table, boto3.client("s3", **session), settings.results_bucket, reads_codes=False)

    assert watchdogs.known("b2", "c1") == {"state": "coded", "key": first.key, "sequencer": first.sequencer}
    failure = Outcome.failed(again, CodingFailed("no worker finished this chart"))
    watchdogs.store([failure], worker="watchdog", run="watchdog")

    assert owners.chart("b2", "c1")["state"] == "failed"
    assert owners.tally("b2") == {"coded": 0, "failed": 1}


@pytest.mark.parametrize("who", ["worker", "master"])
def test_who_codes_and_who_launches_may_write_traces(request: pytest.FixtureRequest, who: str) -> None:
    segment = {"id": "70de5b6f19ff9a0a", "trace_id": "1-581cf771-a006649127e371903a2de979", "name": who}
    sent = request.getfixturevalue(who)("xray").put_trace_segments(TraceSegmentDocuments=[json.dumps(segment)])
    assert sent["UnprocessedTraceSegments"] == []


def test_a_worker_may_take_a_chart_read_it_store_its_result_and_be_done(stack: Stack, worker: Clients) -> None:
    settings, sqs = stack.settings, worker("sqs")
    (message,) = sqs.receive_message(QueueUrl=settings.charts_queue_url, WaitTimeSeconds=20)["Messages"]
    assert worker("s3").get_object(Bucket=settings.charts_bucket, **CHART)["Body"].read() == b"Hypertension."
    worker("s3").put_object(Bucket=settings.results_bucket, Key="results/b1/c1/1.json.zz", Body=b"x")
    record = {"pk": {"S": "BATCH#b1"}, "sk": {"S": "CHART#c1"}}
    worker("dynamodb").put_item(TableName=settings.results_table, Item=record)
    worker("dynamodb").update_item(
        TableName=settings.fleet_table,
        Key={"pk": {"S": "RUN#r"}, "sk": {"S": "WORKER#i"}},
        UpdateExpression="SET coded = :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    sqs.delete_message(QueueUrl=settings.charts_queue_url, ReceiptHandle=message["ReceiptHandle"])


@pytest.mark.parametrize(
    "named",
    [
        {"ServerSideEncryption": "AES256"},
        {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "arn:aws:kms:us-east-1:111122223333:key/another"},
        {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32},
    ],
    ids=["S3's key", "another key", "a key of its own"],
)
def test_a_worker_may_store_a_result_under_no_other_key(stack: Stack, worker: Clients, named: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        worker("s3").put_object(Bucket=stack.settings.results_bucket, Key="results/b/c/2.json.zz", Body=b"x", **named)


def test_a_worker_may_say_that_a_result_is_under_the_stacks_key(stack: Stack, worker: Clients) -> None:
    key = stack.owner("kms").describe_key(KeyId=stack.cloud.resources["Key"])["KeyMetadata"]["Arn"]
    named = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    worker("s3").put_object(Bucket=stack.settings.results_bucket, Key="results/b/c/3.json.zz", Body=b"x", **named)


def test_a_master_may_launch_a_worker_and_end_it(stack: Stack, master: Clients) -> None:
    settings = stack.settings
    tags = tagged(settings.stack, "worker")
    instance = launch(master, settings.worker_launch_template, TagSpecifications=tags)
    (ended,) = master("ec2").terminate_instances(InstanceIds=[instance])["TerminatingInstances"]
    assert ended["InstanceId"] == instance


class Asked:
    """A caller of the API itself, not of the door that signs with the owner's rights."""

    def __init__(self, stack: Stack, **credentials: str) -> None:
        api = urlsplit(stack.cloud.outputs["ApiUrl"])
        self.endpoint = urlsplit(stack.cloud.endpoint)
        self.base = f"/_aws/execute-api/{str(api.hostname).partition('.')[0]}{api.path}"
        self.credentials = credentials

    def get(self, path: str, *, signed_at: datetime | None = None, sign_for: str | None = None) -> tuple[int, str]:
        """Status and body. Not signed without credentials; `sign_for` is another path than the one asked for."""
        headers: dict[str, str] = {}
        if self.credentials:
            url = f"http://{self.endpoint.netloc}{self.base}{sign_for or path}"
            headers = sign(
                "GET", url, {}, b"", credentials=self.credentials, service="execute-api", region=REGION, now=signed_at
            )
        connection = http.client.HTTPConnection(self.endpoint.netloc, timeout=60)
        try:
            connection.request("GET", self.base + path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def reader(stack: Stack) -> dict[str, str]:
    """The credentials of a person who may ask GET /status, and nothing else."""
    iam = stack.owner("iam")
    iam.create_user(UserName="reader")
    api = str(urlsplit(stack.cloud.outputs["ApiUrl"]).hostname).partition(".")[0]
    route = f"arn:aws:execute-api:{REGION}:111122223333:{api}/v1/GET/status"
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": route}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_user_policy(UserName="reader", PolicyName="status", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def test_the_api_answers_who_may_ask_and_signs(stack: Stack, reader: dict[str, str]) -> None:
    status, body = Asked(stack, **reader).get("/status")
    assert status == 200, body


def test_the_api_refuses_another_route_than_the_caller_may_ask(stack: Stack, reader: dict[str, str]) -> None:
    status, body = Asked(stack, **reader).get("/runs")
    assert (status, "not authorized" in body) == (403, True)


def test_the_api_refuses_who_does_not_sign(stack: Stack) -> None:
    status, body = Asked(stack).get("/status")
    assert (status, "not signed" in json.loads(body)["detail"]) == (403, True)


def test_the_api_refuses_a_key_that_nobody_has(stack: Stack) -> None:
    status, _ = Asked(stack, AWS_ACCESS_KEY_ID="AKIAMADEUPMADEUPMADE", AWS_SECRET_ACCESS_KEY="made-up").get("/status")
    assert status == 403


def test_the_api_refuses_another_account_whatever_it_may_do_at_home(stack: Stack) -> None:
    """The emulator takes an account's number for the key of its owner, who may do everything there. It keeps accounts
    apart, so that the API is not found; AWS answers 403, since no policy of the API names another account.
    """
    foreign = {"AWS_ACCESS_KEY_ID": "999999999999", "AWS_SECRET_ACCESS_KEY": "made-up"}
    assert Asked(stack, **foreign).get("/status")[0] == 404


def test_the_api_refuses_a_signature_by_another_secret(stack: Stack, reader: dict[str, str]) -> None:
    status, body = Asked(stack, **{**reader, "AWS_SECRET_ACCESS_KEY": "made-up"}).get("/status")
    assert (status, "signature" in body.lower()) == (403, True)


def test_the_api_refuses_a_signature_for_another_route(stack: Stack, reader: dict[str, str]) -> None:
    status, body = Asked(stack, **reader).get("/status", sign_for="/batches")
    assert (status, "signature" in body.lower()) == (403, True)


def test_the_api_refuses_a_request_signed_a_quarter_of_an_hour_ago(stack: Stack, reader: dict[str, str]) -> None:
    past = datetime.now(UTC) - timedelta(minutes=16)
    status, body = Asked(stack, **reader).get("/status", signed_at=past)
    assert (status, "too old" in body) == (403, True)


def test_the_api_refuses_the_fleets_own_credentials(stack: Stack) -> None:
    for role in ("WorkerRole", "MasterRole"):
        arn = stack.owner("iam").get_role(RoleName=stack.cloud.resources[role])["Role"]["Arn"]
        session = stack.owner("sts").assume_role(RoleArn=arn, RoleSessionName="instance")["Credentials"]
        credentials = {
            "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
        }
        assert Asked(stack, **credentials).get("/status")[0] == 403, role


@pytest.mark.parametrize("role", ["LauncherRole", "WatchdogRole", "ApiRole", "CoderRole"])
def test_no_role_of_the_stack_is_anybodys_but_its_services(stack: Stack, reader: dict[str, str], role: str) -> None:
    """A person with every right to assume roles is still not the service that the role trusts."""
    iam = stack.owner("iam")
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_user_policy(UserName="reader", PolicyName="assume", PolicyDocument=json.dumps(policy))
    arn = iam.get_role(RoleName=stack.cloud.resources[role])["Role"]["Arn"]
    own = {"aws_access_key_id": reader["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": reader["AWS_SECRET_ACCESS_KEY"]}
    sts = boto3.client("sts", **{**stack.cloud.emulator.client_arguments(), **own})
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=arn, RoleSessionName="mine")
