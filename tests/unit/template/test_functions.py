"""The functions: two images, every setting, and nothing of a chart in logs or traces."""

from dataclasses import MISSING, fields

import pytest

from chartcoder.settings import PREFIX, Settings
from functions.authorizer.tokens import Expected
from tests.unit.template.cloudformation import Stack

CONTROL = {
    "LauncherFunction": "functions.launcher.app.handler",
    "WatchdogFunction": "functions.watchdog.app.handler",
    "ApiFunction": "functions.api.app.handler",
}
HANDLERS = CONTROL | {"CoderFunction": "worker_image.function.handler"}
WITH_AN_ISSUER = {"AuthorizerFunction": "functions.authorizer.app.handler"}


def handlers(stack: Stack) -> dict[str, str]:
    return HANDLERS | (WITH_AN_ISSUER if stack.parameter("JwtIssuer") else {})


def environment(function: dict) -> dict[str, str]:
    return {name: str(value) for name, value in function["Environment"]["Variables"].items()}


def test_every_function_has_every_setting(stack: Stack) -> None:
    resolved = {"coder_image", "control_image", "run", "trace"}  # known when a run starts
    settings = {PREFIX + field.name.upper() for field in fields(Settings) if field.name not in resolved}
    for name, function in stack.of("Lambda::Function").items():
        given = {variable for variable in environment(function) if variable.startswith(PREFIX)}
        assert given == settings, name


def test_the_settings_can_be_read_and_have_the_templates_defaults(expanded_template: dict) -> None:
    stack = Stack(expanded_template, {})
    settings = Settings.read(environment(stack.of("Lambda::Function")["ApiFunction"]))
    for field in fields(Settings):
        if field.default is not MISSING:
            assert getattr(settings, field.name) == field.default, f"{field.name}: settings.py and template.yaml differ"


def test_every_function_is_an_image_that_runs_its_handler(stack: Stack) -> None:
    functions = stack.of("Lambda::Function")
    assert set(functions) == set(handlers(stack))
    for name, function in functions.items():
        assert function["PackageType"] == "Image", name
        runtime = ["python", "-m", "awslambdaric"]  # the images have no entry point: on an instance they run a module
        assert function["ImageConfig"] == {"EntryPoint": runtime, "Command": [handlers(stack)[name]]}, name


def test_the_control_functions_are_one_image(stack: Stack) -> None:
    built = [stack.resources[name]["Metadata"] for name in handlers(stack) if name != "CoderFunction"]
    assert built[0]["Dockerfile"] == "functions/Dockerfile"
    assert all(one == built[0] for one in built)
    assert stack.resources["CoderFunction"]["Metadata"]["Dockerfile"] == "worker_image/Dockerfile"


def test_the_images_that_instances_run_are_those_of_the_named_functions(stack: Stack) -> None:
    functions = stack.of("Lambda::Function")
    variables = environment(functions["LauncherFunction"])
    assert functions["LauncherFunction"]["FunctionName"] == variables["CHARTCODER_CONTROL_FUNCTION"]
    assert functions["CoderFunction"]["FunctionName"] == variables["CHARTCODER_CODER_FUNCTION"]


def test_neither_launches_nor_sweeps_overlap(stack: Stack) -> None:
    for name in ("LauncherFunction", "WatchdogFunction"):
        assert stack.of("Lambda::Function")[name]["ReservedConcurrentExecutions"] == 1


def test_an_event_that_fails_for_good_is_kept(stack: Stack) -> None:
    kept = {
        config["FunctionName"]: config["DestinationConfig"]["OnFailure"]["Destination"]
        for config in stack.of("Lambda::EventInvokeConfig").values()
    }
    assert kept == dict.fromkeys(["${LauncherFunction}", "${WatchdogFunction}"], "${FailedEventsQueue.Arn}")


def test_every_function_is_traced_and_writes_to_its_own_log_group(stack: Stack) -> None:
    groups = []
    for name, function in stack.of("Lambda::Function").items():
        assert function["TracingConfig"] == {"Mode": "Active"}, name
        groups.append(function["LoggingConfig"]["LogGroup"].strip("${}"))
    assert len(set(groups)) == len(groups) == len(handlers(stack))
    assert set(groups) <= set(stack.of("Logs::LogGroup"))


@pytest.mark.parametrize(
    "switch",
    ["POWERTOOLS_LOGGER_LOG_EVENT", "POWERTOOLS_TRACER_CAPTURE_RESPONSE", "POWERTOOLS_TRACER_CAPTURE_ERROR"],
)
def test_no_event_answer_or_exception_goes_into_logs_and_traces(stack: Stack, switch: str) -> None:
    for name, function in stack.of("Lambda::Function").items():
        assert environment(function)[switch] == "false", name


def test_no_environment_holds_a_secret(stack: Stack) -> None:
    words = ("SECRET", "PASSWORD", "TOKEN", "CREDENTIAL", "APIKEY", "API_KEY")
    for name, function in stack.of("Lambda::Function").items():
        assert not [v for v in environment(function) if any(word in v.upper() for word in words)], name


def test_no_environment_says_where_the_services_are_or_whom_to_trust(stack: Stack) -> None:
    """boto3 and Python heed these variables: one of them would turn TLS or its verification off."""
    words = ("AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "CERT", "VERIFY", "PROXY", "HTTPS", "SSL", "AWS_CONFIG_FILE")
    for name, function in stack.of("Lambda::Function").items():
        assert not [v for v in environment(function) if any(word in v.upper() for word in words)], name


def test_functions_are_in_the_vpc_where_that_is_asked_for(stack: Stack) -> None:
    for name, function in stack.of("Lambda::Function").items():
        if name == "AuthorizerFunction":  # asks an issuer outside, and may reach nothing inside
            assert "VpcConfig" not in function
            continue
        asked = stack.parameter("FunctionsInVpc") == "true"
        assert ("VpcConfig" in function) == asked, name
        if asked:
            assert function["VpcConfig"]["SecurityGroupIds"] == ["${InstanceSecurityGroup}"], name
            assert len(function["VpcConfig"]["SubnetIds"]) == 2, name


def test_the_watchdog_runs_on_its_schedule(stack: Stack) -> None:
    (rule,) = stack.of("Events::Rule").values()
    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    assert [target["Arn"] for target in rule["Targets"]] == ["${WatchdogFunction.Arn}"]
    assert rule.get("State", "ENABLED") == "ENABLED"


def test_a_sweep_that_could_not_be_delivered_is_kept_and_no_other_rule_may_write_there(stack: Stack) -> None:
    (rule,) = stack.of("Events::Rule").values()
    assert [target["DeadLetterConfig"] for target in rule["Targets"]] == [{"Arn": "${FailedEventsQueue.Arn}"}]
    policy = stack.of("SQS::QueuePolicy")["FailedEventsQueuePolicy"]["PolicyDocument"]
    (allow,) = [statement for statement in policy["Statement"] if statement["Effect"] == "Allow"]
    assert allow["Principal"] == {"Service": "events.amazonaws.com"}
    assert allow["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnEquals": {"aws:SourceArn": "${WatchdogFunctionSweep.Arn}"},
    }


def test_every_environment_fits_where_lambda_keeps_it(stack: Stack) -> None:
    for name, function in stack.of("Lambda::Function").items():
        size = sum(len(variable) + len(value) for variable, value in environment(function).items())
        assert size < 4_096 - 1_024, f"{name}: URLs and names are longer once deployed"


def test_the_authorizer_is_told_whose_tokens_are_good_and_for_whom(stack: Stack) -> None:
    functions = stack.of("Lambda::Function")
    assert ("AuthorizerFunction" in functions) == bool(stack.parameter("JwtIssuer"))
    if function := functions.get("AuthorizerFunction"):
        given = environment(function)
        assert given["AUTHORIZER_ISSUER"] == stack.parameter("JwtIssuer")
        assert given["AUTHORIZER_AUDIENCE"] == stack.parameter("JwtAudience")
        assert given["AUTHORIZER_SCOPE"] == stack.parameter("JwtScope")
        assert Expected.read(given).audiences == {"chartcoder", "chartcoder-scripts"}
