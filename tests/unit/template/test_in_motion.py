"""Nothing travels without TLS 1.2 or better, and nothing comes in from outside."""

from tests.unit.template.cloudformation import Stack, as_list

PLAIN = {"Bool": {"aws:SecureTransport": "false"}}
OLD = {"NumericLessThan": {"s3:TlsVersion": "1.2"}}


def denials(document: dict, condition: dict) -> list[dict]:
    """Statements that deny everyone under exactly this condition: a second one beside it would weaken it."""
    return [
        statement
        for statement in document["Statement"]
        if statement["Effect"] == "Deny" and statement["Principal"] == "*" and statement.get("Condition") == condition
    ]


def documents_by(policies: dict[str, dict], what: str) -> dict[str, dict]:
    return {target: policy["PolicyDocument"] for policy in policies.values() for target in policy[what]}


def test_every_bucket_denies_plain_http_and_tls_before_1_2(stack: Stack) -> None:
    policies = {policy["Bucket"]: policy["PolicyDocument"] for policy in stack.of("S3::BucketPolicy").values()}
    for bucket in stack.of("S3::Bucket"):
        for condition in (PLAIN, OLD):
            (denial,) = denials(policies[f"${{{bucket}}}"], condition)
            assert denial["Action"] == "s3:*", bucket
            assert set(denial["Resource"]) == {f"${{{bucket}.Arn}}", f"${{{bucket}.Arn}}/*"}, bucket


def test_every_queue_denies_plain_http(stack: Stack) -> None:
    documents = {
        queue: policy["PolicyDocument"]
        for policy in stack.of("SQS::QueuePolicy").values()
        for queue in policy["Queues"]
    }
    for queue in stack.of("SQS::Queue"):
        (denial,) = denials(documents[f"${{{queue}}}"], PLAIN)
        assert denial["Action"] == "sqs:*", queue
        assert denial["Resource"] == f"${{{queue}.Arn}}", queue


def test_every_topic_denies_plain_http(stack: Stack) -> None:
    documents = {
        topic: policy["PolicyDocument"]
        for policy in stack.of("SNS::TopicPolicy").values()
        for topic in policy["Topics"]
    }
    for topic in stack.of("SNS::Topic"):
        assert denials(documents[f"${{{topic}}}"], PLAIN), topic


def test_the_api_takes_tls_1_2_or_better_and_no_other_name(stack: Stack) -> None:
    (api,) = stack.of("ApiGateway::RestApi").values()
    assert api["SecurityPolicy"].startswith("SecurityPolicy_TLS13_1_2")
    assert api["EndpointAccessMode"] == "STRICT"


def test_no_security_group_lets_anything_in_from_outside(stack: Stack) -> None:
    groups = stack.of("EC2::SecurityGroup")
    assert groups["InstanceSecurityGroup"]["SecurityGroupIngress"] == []
    for name, group in groups.items():
        for rule in group["SecurityGroupIngress"]:
            assert "CidrIp" not in rule and "CidrIpv6" not in rule, name
            assert rule["SourceSecurityGroupId"] == "${InstanceSecurityGroup}", name
            assert (rule["FromPort"], rule["ToPort"]) == (443, 443), name
    assert not stack.of("EC2::SecurityGroupIngress")


def test_only_tls_goes_out(stack: Stack) -> None:
    for name, group in stack.of("EC2::SecurityGroup").items():
        assert group["SecurityGroupEgress"], f"{name}: without a rule EC2 allows everything"
        for rule in group["SecurityGroupEgress"]:
            assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 443, 443), name
    assert not stack.of("EC2::SecurityGroupEgress")


def test_instances_reach_the_network_and_the_gateways_or_what_an_existing_network_has(stack: Stack) -> None:
    rules = stack.of("EC2::SecurityGroup")["InstanceSecurityGroup"]["SecurityGroupEgress"]
    reached = {rule.get("CidrIp") or rule["DestinationPrefixListId"] for rule in rules}
    if stack.parameter("VpcId"):
        assert reached == {stack.parameter("EgressCidr")}
    elif stack.parameter("S3PrefixListId"):
        assert reached == {stack.parameter("VpcCidr"), "pl-63a5400a", "pl-02cd2c6b"}
    else:
        assert reached == {"0.0.0.0/0"}, "and no route leads there: see the next test"


def test_the_stacks_own_network_has_no_way_to_the_internet(stack: Stack) -> None:
    ways_out = (
        "EC2::InternetGateway",
        "EC2::NatGateway",
        "EC2::EgressOnlyInternetGateway",
        "EC2::Route",
        "EC2::VPCPeeringConnection",
        "EC2::TransitGatewayAttachment",
        "EC2::EIP",
    )
    assert not stack.of(*ways_out)
    for name, subnet in stack.of("EC2::Subnet").items():
        assert subnet["MapPublicIpOnLaunch"] is False, name


def test_the_stacks_own_network_is_made_only_where_none_is_given(stack: Stack) -> None:
    made = stack.parameter("VpcId") == ""
    assert bool(stack.of("EC2::VPC")) == bool(stack.of("EC2::VPCEndpoint")) == bool(stack.of("EC2::FlowLog")) == made


def test_the_stacks_own_network_logs_every_flow(stack: Stack) -> None:
    for flow_log in stack.of("EC2::FlowLog").values():
        assert flow_log["TrafficType"] == "ALL"
        assert flow_log["ResourceId"] == "${Vpc}"
        assert flow_log["LogGroupName"] == "${FlowLogGroup}"


def test_the_stacks_own_network_reaches_what_the_fleet_needs(stack: Stack) -> None:
    endpoints = {
        e["ServiceName"].removeprefix("com.amazonaws.us-east-1."): e for e in stack.of("EC2::VPCEndpoint").values()
    }
    if not endpoints:
        return
    needed = {"s3", "dynamodb", "sqs", "ecr.api", "ecr.dkr", "logs", "ec2", "ssm", "ssmmessages"}
    needed |= {"lambda"} if stack.parameter("FunctionsInVpc") == "true" else set()
    needed |= {"xray"} if stack.parameter("TraceWorkers") == "true" else set()
    assert set(endpoints) == needed
    for service, endpoint in endpoints.items():
        assert endpoint["VpcEndpointType"] == ("Gateway" if service in ("s3", "dynamodb") else "Interface"), service
        if endpoint["VpcEndpointType"] == "Interface":
            assert endpoint["PrivateDnsEnabled"] is True, service
            assert endpoint["SecurityGroupIds"] == ["${EndpointSecurityGroup}"], service


def test_an_endpoint_serves_this_accounts_identities_alone(stack: Stack) -> None:
    public_reading = {
        "arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*",  # image layers
        "arn:aws:s3:::al2023-repos-us-east-1-de612dc2/*",  # Amazon Linux packages
    }
    for name, endpoint in stack.of("EC2::VPCEndpoint").items():
        for statement in endpoint["PolicyDocument"]["Statement"]:
            if set(as_list(statement["Resource"])) == public_reading:
                assert statement["Action"] == "s3:GetObject", name
            else:
                assert statement["Condition"]["StringEquals"]["aws:PrincipalAccount"] == "123456789012", name


def test_nothing_can_be_carried_out_through_s3_to_another_account(stack: Stack) -> None:
    for name, endpoint in stack.of("EC2::VPCEndpoint").items():
        if endpoint["ServiceName"].endswith(".s3"):
            for statement in endpoint["PolicyDocument"]["Statement"]:
                if "s3:PutObject" in as_list(statement["Action"]):
                    assert statement["Condition"]["StringEquals"]["aws:ResourceAccount"] == "123456789012", name


def test_charts_are_announced_only_once_the_queue_takes_them(stack: Stack) -> None:
    """S3 tries the queue when the notification is made, and refuses the bucket where it may not write there."""
    depends = as_list(stack.resources["ChartsBucket"].get("DependsOn", []))
    assert "QueuePolicy" in depends
