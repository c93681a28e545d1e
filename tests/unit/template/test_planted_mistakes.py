"""A template with one mistake in it is noticed by the other tests of this folder.

Each mistake is planted alone, in the expanded template; then every test that asks only for the stack is run on it, in
each variant of the stack, until one fails.
"""

from __future__ import annotations

import copy
import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.template import (
    test_alarms,
    test_api,
    test_at_rest,
    test_audit,
    test_dashboard,
    test_fleet,
    test_functions,
    test_in_motion,
    test_permissions,
)
from tests.unit.template.cloudformation import VARIANTS, Stack

CHECKS = (
    test_at_rest,
    test_in_motion,
    test_permissions,
    test_fleet,
    test_functions,
    test_api,
    test_alarms,
    test_audit,
    test_dashboard,
)
GONE = object()
ANYBODY = {"AWS": "*"}

ANY_SUBNET = "arn:aws:ec2:us-east-1:123456789012:subnet/*"
ANY_IMAGE = "arn:aws:ec2:us-east-1::image/*"
MASTER_INSTANCE = "MasterLaunching:PolicyDocument.Statement.[MasterInstance]"

Mistake = tuple[str, str, Any]

MISTAKES: list[Mistake] = [
    # what, where (resource:property.property.[Sid or number]), what stands there instead
    ("the key does not rotate", "Key:EnableKeyRotation", False),
    ("the key can be gone in a week", "Key:PendingWindowInDays", 7),
    ("the key goes with the stack", "Key!DeletionPolicy", GONE),
    ("anybody may use the key", "Key:KeyPolicy.Statement.[ChartEvents].Principal", ANYBODY),
    ("S3 may use the key for anybody's bucket", "Key:KeyPolicy.Statement.[ChartEvents].Condition", {}),
    ("logs of any account may use the key", "Key:KeyPolicy.Statement.[Logs].Condition", {}),
    ("the key is lent to anybody", "Key:KeyPolicy.Statement.[GrantsForServicesOnly]", GONE),
    (
        "the key is lent to anybody by a condition that never holds",
        "Key:KeyPolicy.Statement.[GrantsForServicesOnly].Condition",
        {"Bool": {"kms:GrantIsForAWSResource": "false", "aws:PrincipalIsAWSService": "false"}},
    ),
    ("a bucket has S3's own key", "ResultsBucket:BucketEncryption.ServerSideEncryptionConfiguration.[0]", {}),
    ("a bucket could be public", "ChartsBucket:PublicAccessBlockConfiguration.RestrictPublicBuckets", False),
    ("a bucket keeps no versions", "ChartsBucket:VersioningConfiguration.Status", "Suspended"),
    ("a bucket takes others' objects as theirs", "ResultsBucket:OwnershipControls", GONE),
    ("a bucket logs nothing", "ResultsBucket:LoggingConfiguration", GONE),
    ("a bucket goes with the stack", "ChartsBucket!DeletionPolicy", "Delete"),
    ("charts under anybody's key", "ChartsBucketPolicy:PolicyDocument.Statement.[NoOtherKey]", GONE),
    ("results under S3's own key", "ResultsBucketPolicy:PolicyDocument.Statement.[NoOtherEncryption]", GONE),
    ("charts that only their sender can read", "ChartsBucketPolicy:PolicyDocument.Statement.[NoSendersKey]", GONE),
    (
        "uploads that name no encryption are refused",
        "ChartsBucketPolicy:PolicyDocument.Statement.[NoOtherKey].Condition.Null",
        GONE,
    ),
    ("a bucket has no policy", "ResultsBucketPolicy", GONE),
    ("a bucket's objects may be read in the clear", "ChartsBucketPolicy:PolicyDocument.Statement.[TlsOnly]", GONE),
    ("a bucket takes TLS 1.0", "ChartsBucketPolicy:PolicyDocument.Statement.[Tls12OrBetter]", GONE),
    (
        "both conditions of TLS in one statement",
        "ChartsBucketPolicy:PolicyDocument.Statement.[TlsOnly].Condition",
        {"Bool": {"aws:SecureTransport": "false"}, "NumericLessThan": {"s3:TlsVersion": "1.2"}},
    ),
    (
        "TLS for the bucket, not for its objects",
        "ChartsBucketPolicy:PolicyDocument.Statement.[TlsOnly].Resource",
        [{"Fn::GetAtt": ["ChartsBucket", "Arn"]}],
    ),
    ("a queue has SQS's own key", "ChartsQueue:KmsMasterKeyId", "alias/aws/sqs"),
    ("the dead letters are not encrypted", "DeadLetterQueue:KmsMasterKeyId", GONE),
    ("the dead letters have no policy", "DeadLetterQueuePolicy", GONE),
    ("a dead letter is gone before anybody looks", "DeadLetterQueue:MessageRetentionPeriod", 345_600),
    ("any queue may send its dead letters", "DeadLetterQueue:RedriveAllowPolicy", GONE),
    ("anybody may announce charts", "QueuePolicy:PolicyDocument.Statement.[ChartEvents].Condition", {}),
    ("a table has DynamoDB's own key", "ResultsTable:SSESpecification", {"SSEEnabled": True}),
    ("a table cannot be recovered", "FleetTable:PointInTimeRecoverySpecification", GONE),
    ("a table can be deleted", "ResultsTable:DeletionProtectionEnabled", False),
    ("a log group is not encrypted", "WorkerLogGroup:KmsKeyId", GONE),
    ("a log is kept for a week", "ApiAccessLogGroup:RetentionInDays", 7),
    ("old metadata service", "WorkerLaunchTemplate:LaunchTemplateData.MetadataOptions.HttpTokens", "optional"),
    ("two hops", "MasterLaunchTemplate:LaunchTemplateData.MetadataOptions.HttpPutResponseHopLimit", 2),
    (
        "a public address",
        "WorkerSpotLaunchTemplate:LaunchTemplateData.NetworkInterfaces.[0].AssociatePublicIpAddress",
        True,
    ),
    ("an SSH key", "WorkerLaunchTemplate:LaunchTemplateData.KeyName", "ops"),
    ("a shutdown stops", "MasterLaunchTemplate:LaunchTemplateData.InstanceInitiatedShutdownBehavior", "stop"),
    ("a volume in the clear", "MasterLaunchTemplate:LaunchTemplateData.BlockDeviceMappings.[0].Ebs.Encrypted", False),
    (
        "a volume has EBS's own key",
        "WorkerLaunchTemplate:LaunchTemplateData.BlockDeviceMappings.[0].Ebs.KmsKeyId",
        GONE,
    ),
    ("an instance without tags", "WorkerLaunchTemplate:LaunchTemplateData.TagSpecifications", []),
    (
        "SSH from the network",
        "InstanceSecurityGroup:SecurityGroupIngress",
        [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "10.0.0.0/8"}],
    ),
    ("every port out", "InstanceSecurityGroup:SecurityGroupEgress.[0].IpProtocol", "-1"),
    ("a way to the internet", "Gateway", {"Type": "AWS::EC2::InternetGateway", "Properties": {}}),
    ("an endpoint for any account", "SqsEndpoint:PolicyDocument.Statement.[0].Condition", {}),
    (
        "S3 of any account through the endpoint",
        "S3Endpoint:PolicyDocument.Statement.[0].Condition.StringEquals.aws:ResourceAccount",
        GONE,
    ),
    ("only refused flows are logged", "FlowLog:TrafficType", "REJECT"),
    ("any role for workers", "MasterRole:Policies.[0].PolicyDocument.Statement.[WorkerRoleToInstances].Resource", "*"),
    (
        "a role for any service",
        "MasterRole:Policies.[0].PolicyDocument.Statement.[WorkerRoleToInstances].Condition",
        {},
    ),
    ("any instance ended", "MasterRole:Policies.[0].PolicyDocument.Statement.[EndWorkers].Condition", {}),
    (
        "the master ends masters",
        "MasterRole:Policies.[0].PolicyDocument.Statement.[EndWorkers].Condition.StringEquals."
        "aws:ResourceTag/chartcoder:role",
        GONE,
    ),
    ("any instance reaped", "WatchdogRole:Policies.[0].PolicyDocument.Statement.[Reap].Condition", {}),
    ("all of SQS", "WorkerRole:Policies.[0].PolicyDocument.Statement.[TakeCharts].Action", "sqs:*"),
    ("a worker reads any bucket", "WorkerRole:Policies.[0].PolicyDocument.Statement.[ReadCharts].Resource", "*"),
    (
        "a worker lists charts",
        "WorkerRole:Policies.[0].PolicyDocument.Statement.[ReadCharts].Action",
        ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"],
    ),
    ("a worker takes the lease", "WorkerRole:Policies.[0].PolicyDocument.Statement.[OwnRecord].Condition", {}),
    (
        "a worker's record without a key",
        "WorkerRole:Policies.[0].PolicyDocument.Statement.[OwnRecord].Condition.Null",
        GONE,
    ),
    (
        "the coder reads charts",
        "CoderRole:Policies.[0].PolicyDocument.Statement.[Log]",
        {
            "Sid": "Log",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": {"Fn::Sub": "${ChartsBucket.Arn}/charts/*"},
        },
    ),
    (
        "the api writes over any record",
        "ApiRole:Policies.[0].PolicyDocument.Statement.[DecisionsAndAnswers].Condition",
        GONE,
    ),
    (
        "a worker deletes any record",
        "WorkerRole:Policies.[0].PolicyDocument.Statement.[ChartsOfCodes].Condition",
        GONE,
    ),
    (
        "the api invokes any function",
        "ApiRole:Policies.[0].PolicyDocument.Statement.[DescribeCodes].Resource",
        {"Fn::Sub": "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:*"},
    ),
    (
        "grants for anybody",
        "MasterRole:Policies.[0].PolicyDocument.Statement.[VolumeKeyGrant].Condition.Bool",
        GONE,
    ),
    ("the key without a service", "MasterLaunching:PolicyDocument.Statement.[FleetTableKey].Condition", {}),
    ("tags at any time", "MasterLaunching:PolicyDocument.Statement.[TagsAtLaunch].Condition", GONE),
    (
        "any launch template",
        "MasterLaunching:PolicyDocument.Statement.[MasterInstance].Condition.ArnEquals",
        {"ec2:LaunchTemplate": "*"},
    ),
    (
        "any instance type",
        "MasterLaunching:PolicyDocument.Statement.[MasterInstance].Condition.StringEquals.ec2:InstanceType",
        GONE,
    ),
    ("a volume launched in the clear", "MasterLaunching:PolicyDocument.Statement.[MasterVolume].Condition.Bool", GONE),
    ("any image repository", "InstanceBasics:PolicyDocument.Statement.[StackImages].Condition", {}),
    ("anybody is the coder", "CoderRole:AssumeRolePolicyDocument.Statement.[0].Principal", ANYBODY),
    ("a policy of Amazon's", "CoderRole:ManagedPolicyArns", ["arn:aws:iam::aws:policy/AmazonS3FullAccess"]),
    ("every route open", "Api:Body.securityDefinitions.Caller", {"Fn::If": ["TakeTokens", {}, {}]}),
    (
        "tokens looked at by anything",
        "Api:Body.securityDefinitions.Caller.Fn::If.[1].x-amazon-apigateway-authorizer.authorizerUri",
        "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:1:function:x/invocations",
    ),
    (
        "a token that is over, good for five minutes more",
        "Api:Body.securityDefinitions.Caller.Fn::If.[1].x-amazon-apigateway-authorizer.authorizerResultTtlInSeconds",
        300,
    ),
    (
        "signatures not looked at",
        "Api:Body.securityDefinitions.Caller.Fn::If.[2].x-amazon-apigateway-authtype",
        "custom",
    ),
    ("tokens for anybody", "AuthorizerFunction:Environment.Variables.AUTHORIZER_AUDIENCE", ""),
    (
        "tokens of another issuer",
        "AuthorizerFunction:Environment.Variables.AUTHORIZER_ISSUER",
        "https://id.example.com",
    ),
    ("tokens of any scope", "AuthorizerFunction:Environment.Variables.AUTHORIZER_SCOPE", ""),
    ("anybody asks the authorizer", "ApiAsksAuthorizer:Principal", "*"),
    ("any API asks the authorizer", "ApiAsksAuthorizer:SourceArn", "*"),
    (
        "the authorizer reads charts",
        "AuthorizerRole:Policies.[0].PolicyDocument.Statement.[Log].Action",
        "s3:GetObject",
    ),
    ("an issuer that is down is no alarm", "IssuerUnavailableAlarm", GONE),
    ("an open route", "Api:Body.paths./code.post.security", GONE),
    ("a route open to an authorizer called none", "Api:Body.paths./status.get.security", [{"NONE": []}]),
    ("other accounts at the API", "Api:Body.x-amazon-apigateway-policy", {"Statement": [{"Principal": ANYBODY}]}),
    ("a route nobody named", "Api:Body.paths./{proxy+}", {"get": {"x-amazon-apigateway-integration": {}}}),
    ("the caller's own rights", "Api:Body.paths./runs.get.x-amazon-apigateway-integration.credentials", "arn"),
    ("TLS 1.0 at the API", "Api:SecurityPolicy", "TLS_1_0"),
    ("bodies in the API's log", "Apiv1Stage:MethodSettings.[0].DataTraceEnabled", True),
    ("answers cached", "Apiv1Stage:MethodSettings.[0].CachingEnabled", True),
    ("no throttling", "Apiv1Stage:MethodSettings.[0].ThrottlingRateLimit", GONE),
    ("paths in the API's log", "Apiv1Stage:AccessLogSetting.Format", '{"path":"$context.path"}'),
    ("no log of the API", "Apiv1Stage:AccessLogSetting", GONE),
    ("a second stage", "ApiStage", {"Type": "AWS::ApiGateway::Stage", "Properties": {"StageName": "Stage"}}),
    ("any alarm may call the launcher", "AgeAlarmAsksLauncher:SourceArn", GONE),
    ("an alarm that calls nobody", "BacklogAlarm:AlarmActions", []),
    ("a silent watchdog is no alarm", "WatchdogSilentAlarm:TreatMissingData", "missing"),
    ("no alarm on what was not terminated", "NotTerminatedAlarm", GONE),
    ("an alarm on another metric's dimension", "LeaseLapsedAlarm:Dimensions.[0].Value", "watchdog"),
    ("notifications in the clear", "Notifications:KmsMasterKeyId", GONE),
    ("two launches at once", "LauncherFunction:ReservedConcurrentExecutions", GONE),
    (
        "failed events are lost",
        "LauncherFunctionEventInvokeConfig:DestinationConfig",
        {"OnFailure": {"Destination": ""}},
    ),
    ("events in the log", "ApiFunction:Environment.Variables.POWERTOOLS_LOGGER_LOG_EVENT", "true"),
    ("answers in the traces", "CoderFunction:Environment.Variables.POWERTOOLS_TRACER_CAPTURE_RESPONSE", "true"),
    ("a secret in an environment", "ApiFunction:Environment.Variables.API_TOKEN", "abc"),
    ("a setting is missing", "LauncherFunction:Environment.Variables.CHARTCODER_FLEET_TABLE", GONE),
    ("an environment without the key", "CoderFunction:KmsKeyArn", GONE),
    ("a trail that records nothing", "Trail:IsLogging", False),
    ("a trail that can be deleted", "TrailBucket:ObjectLockEnabled", False),
    ("a backup without the key", "BackupVault:EncryptionKeyArn", GONE),
    ("a backup without the results", "BackupSelection:BackupSelection.Resources", []),
    ("a trail whose files could be changed", "Trail:EnableLogFileValidation", False),
    ("a trail in the clear", "Trail:KMSKeyId", GONE),
    ("a trail without the charts", "Trail:AdvancedEventSelectors.[0]", GONE),
    ("anybody's trail", "TrailBucketPolicy:PolicyDocument.Statement.[TrailWrites].Condition", GONE),
    ("flows that nobody logs", "FlowLog", GONE),
    ("addresses for whatever starts in a subnet", "PrivateSubnetB:MapPublicIpOnLaunch", True),
    ("a way to another network", "Peering", {"Type": "AWS::EC2::VPCPeeringConnection", "Properties": {}}),
    (
        "anywhere out, where the network's range is known",
        "InstanceSecurityGroup:SecurityGroupEgress.[0].CidrIp",
        "0.0.0.0/0",
    ),
    (
        "the endpoints' group lets the world in",
        "EndpointSecurityGroup:SecurityGroupIngress",
        [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}],
    ),
    (
        "a bucket of Amazon's that may be written to",
        "S3Endpoint:PolicyDocument.Statement.[1].Action",
        ["s3:GetObject", "s3:PutObject"],
    ),
    ("any subnet", "MasterLaunching:PolicyDocument.Statement.[MasterParts].Resource.[1]", ANY_SUBNET),
    ("any image", "MasterRole:Policies.[0].PolicyDocument.Statement.[WorkerParts].Resource.[3]", ANY_IMAGE),
    ("parts that no template names", "MasterLaunching:PolicyDocument.Statement.[MasterParts].Condition.Bool", GONE),
    ("a launch without tokens", f"{MASTER_INSTANCE}.Condition.StringEquals.ec2:MetadataHttpTokens", GONE),
    ("a launch without tags", f"{MASTER_INSTANCE}.Condition.StringEquals.aws:RequestTag/chartcoder:stack", GONE),
    ("an interface that outlives its instance", "MasterLaunchTemplate:LaunchTemplateData.NetworkInterfaces", []),
    (
        "a volume that outlives its instance",
        "WorkerLaunchTemplate:LaunchTemplateData.BlockDeviceMappings.[0].Ebs.DeleteOnTermination",
        False,
    ),
    ("a function's code may make interfaces", "FunctionBasics:PolicyDocument.Statement.[3].Fn::If.[1].Action", []),
    ("the coder reads charts", "CoderRole:Policies.[0].PolicyDocument.Statement.[Log].Action", "s3:GetObject"),
    ("the api ends instances", "ApiRole:Policies.[0].PolicyDocument.Statement.[Runs].Action", "ec2:TerminateInstances"),
    ("a firewall asked for and not there", "WebAclAssociation", GONE),
    ("any origin", "Api:Body.paths./status.get.responses", {"200": {"headers": {"Access-Control-Allow-Origin": {}}}}),
    ("a preflight without a signature", "Api:Body.paths./status.options", {"x-amazon-apigateway-integration": {}}),
    ("the API by its old address rules", "Api:EndpointAccessMode", "BASIC"),
    ("a body that nobody checks", "Api:Body.paths./charts.post.x-amazon-apigateway-request-validator", GONE),
    ("the queue's messages may travel in the clear", "QueuePolicy:PolicyDocument.Statement.[TlsOnly]", GONE),
    ("alarms of any account may notify", "NotificationsPolicy:PolicyDocument.Statement.[Alarms].Condition", GONE),
    ("old versions are kept for ever", "ChartsBucket:LifecycleConfiguration.Rules.[0]", GONE),
    ("charts announced before the queue takes them", "ChartsBucket!DependsOn", GONE),
    ("a message comes back before anybody could answer", "ChartsQueue:RedrivePolicy", GONE),
    ("a watchdog off duty", "WatchdogFunctionSweep:State", "DISABLED"),
    ("records that live for ever", "FleetTable:TimeToLiveSpecification", GONE),
    ("no certificate is looked at", "ApiFunction:Environment.Variables.AWS_CA_BUNDLE", "/dev/null"),
    ("services at another address", "ApiFunction:Environment.Variables.AWS_ENDPOINT_URL", "http://10.0.0.1"),
    ("an alarm on a metric that nobody tells", "BudgetAlarm:MetricName", "BudgetReachd"),
    ("an alarm without a runbook entry", "FailuresAlarm:AlarmName", {"Fn::Sub": "${AWS::StackName}-too-many"}),
    ("stalled charts that are no alarm", "StalledAlarm", GONE),
    ("one look is enough to call charts stalled", "StalledAlarm:Statistic", "Maximum"),
    ("a graph of nothing", "Dashboard:DashboardBody", {"Fn::Sub": '{"widgets": []}'}),
    ("a query for a field that no log has", "ErrorsQuery:QueryString", "fields text"),
    ("a query of a log group that is not there", "OneRunQuery:LogGroupNames", [{"Ref": "Everything"}]),
    (
        "workers that read traces",
        "WorkerRole:Policies.[0].PolicyDocument.Statement.[Traces].Action",
        "xray:GetTraceSummaries",
    ),
    ("X-Ray for any account", "XRayEndpoint:PolicyDocument.Statement.[0].Condition", {}),
]


@pytest.mark.parametrize(("where", "instead"), [pytest.param(m[1], m[2], id=m[0]) for m in MISTAKES])
def test_a_planted_mistake_is_noticed(expanded_template: dict[str, Any], where: str, instead: Any) -> None:
    template = copy.deepcopy(expanded_template)
    plant(template["Resources"], where, instead)
    stacks = [Stack(template, variant) for variant in VARIANTS.values()]
    assert any(fails(check, stack) for check in checks() for stack in stacks), "no test notices"


def test_the_template_as_it_is_gives_no_cause_for_complaint(expanded_template: dict[str, Any]) -> None:
    stacks = [Stack(expanded_template, variant) for variant in VARIANTS.values()]
    assert not [check for check in checks() for stack in stacks if fails(check, stack)]


def checks() -> Iterator[Callable[[Stack], None]]:
    """Every test of the folder that asks only for the stack, once for each of its own parameters."""
    for module in CHECKS:
        for name, test in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("test_") and "stack" in (wanted := inspect.signature(test).parameters):
                for values in parameters(test):
                    if set(wanted) == {"stack", *values}:
                        yield lambda stack, test=test, values=values: test(stack=stack, **values)


def parameters(test: Callable[..., None]) -> Iterator[dict[str, Any]]:
    """What pytest would fill in for a parametrized test."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    tables = []
    for mark in marks:
        names, rows = mark.args
        single = isinstance(names, str)
        tables.append([{names: row} if single else dict(zip(names, row, strict=True)) for row in rows])
    for chosen in itertools.product(*tables):
        yield {name: value for row in chosen for name, value in row.items()}


def fails(check: Callable[[Stack], None], stack: Stack) -> bool:
    """Whether a check fails; a resource or property it misses fails it too."""
    try:
        check(stack)
    except (AssertionError, AttributeError, KeyError, IndexError, TypeError, ValueError):
        return True
    return False


def plant(resources: dict[str, Any], where: str, instead: Any) -> None:
    """Puts `instead` at a place, or takes away what is there. Raises KeyError where the path leads nowhere."""
    name, _, attribute = where.partition("!")
    name, _, path = name.partition(":")
    steps = [name, *([attribute] if attribute else []), *(["Properties", *path.split(".")] if path else [])]
    holder: Any = resources
    for step in steps[:-1]:
        holder = holder[place(holder, step)]
    last = place(holder, steps[-1])
    if instead is GONE:
        del holder[last]
    else:
        holder[last] = copy.deepcopy(instead)


def place(holder: Any, step: str) -> str | int:
    """The key or index that a step names: a property, `[0]`, or `[Sid]` of a statement."""
    if not step.startswith("["):
        return step
    wanted = step.strip("[]")
    if wanted.isdigit():
        return int(wanted)
    places = {item.get("Sid"): number for number, item in enumerate(holder)}
    return places[wanted]
