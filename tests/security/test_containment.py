"""Each way by which a chart's words could get out of a process, tried with words that are looked for afterwards."""

from __future__ import annotations

import json
import os
import pickle
import pprint
import subprocess
import sys
import traceback
from collections.abc import Callable
from copy import copy, deepcopy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from xml.etree.ElementTree import fromstring

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from awslambdaric import bootstrap
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
from botocore.exceptions import ClientError, ParamValidationError
from pydantic import BaseModel

from chartcoder.chart import Chart
from chartcoder.cloud.queue import ChartsQueue
from chartcoder.errors import Unforeseen, UnreadableChart
from chartcoder.logs import make_logger
from chartcoder.protected import ProtectedText, contained, reveal, tell, trace
from tests.security.talkative import FAILURES, WAYS, WORDS

ROOT = Path(__file__).parents[2]


class TestProtectedText:
    text = ProtectedText(WORDS)

    @pytest.mark.parametrize(
        "shown",
        [
            repr(text),
            str(text),
            f"{text} {text:>40} {text!r}",
            "%s %r" % (text, text),  # noqa: UP031 - how logging does it
            "{}".format(text),  # noqa: UP032
            pprint.pformat({"text": text}),
            repr(Chart("1", WORDS)),
            repr(ValueError(text)) + str(ValueError(text)),
        ],
    )
    def test_it_does_not_show_itself(self, shown):
        assert "Zebulon" not in shown
        assert "Quarrelwort" not in shown

    def test_a_traceback_with_local_variables_does_not_show_it(self):
        def fails(chart: Chart, text: ProtectedText) -> None:
            raise ValueError(text)

        try:
            fails(Chart("1", WORDS), self.text)
        except ValueError as error:
            shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        assert "characters of a chart" in shown
        assert "Zebulon" not in shown.replace("WORDS", "")

    def test_it_is_the_text_all_the_same(self):
        assert self.text == WORDS
        assert reveal(self.text) == WORDS == self.text[:]
        assert type(reveal(self.text)) is str
        assert json.loads(json.dumps({"text": self.text})) == {"text": WORDS}

    @pytest.mark.parametrize(
        "again",
        [ProtectedText, copy, deepcopy, lambda text: pickle.loads(pickle.dumps(text))],  # noqa: S301 - our own
    )
    def test_a_copy_of_it_is_the_text_too(self, again):
        copied = again(self.text)
        assert (reveal(copied), type(copied)) == (WORDS, ProtectedText)
        assert reveal(replace(Chart("1", WORDS), id="2").text) == WORDS

    def test_half_a_surrogate_pair_is_replaced_so_that_results_can_be_written_and_offsets_stay(self):
        text = ProtectedText("a\ud800b\udc00é")
        assert reveal(text) == "a\ufffdb\ufffdé"


class Record(BaseModel):
    birth_year: int


def parse(what: str) -> object:
    """Makes a library fail on a document that holds WORDS."""
    match what:
        case "json":
            return json.loads(f'{{"name": "{WORDS}" oops')
        case "encoding":
            return f"{WORDS}\xff".encode("latin-1").decode("utf-8")
        case "xml":
            return fromstring(f"<{WORDS}")  # noqa: S314 - ours
        case "validation":
            return Record.model_validate({"birth_year": WORDS})
        case "number":
            return int(WORDS)
        case "key":
            return {}[WORDS]
        case "parameters":
            raise ParamValidationError(report=f"Invalid type for parameter Key, value: {WORDS}")
        case "service":
            response = {"Error": {"Code": "ValidationException", "Message": f"bad value: {WORDS}"}}
            raise ClientError(response, "PutItem")
        case "forged service":
            raise ClientError({"Error": {"Code": WORDS, "Message": ""}}, WORDS)
        case "file":
            return Path(f"/nowhere/{WORDS}").read_text()
        case "assertion":
            raise AssertionError(WORDS)
        case "note":
            error = RuntimeError("odd")
            error.add_note(WORDS)
            raise error
        case "chain":
            try:
                return int(WORDS)
            except ValueError as error:
                raise KeyError(WORDS) from error
    raise LookupError(what)


KINDS = (
    "json", "encoding", "xml", "validation", "number", "key", "parameters", "service", "forged service", "file",
    "assertion", "note", "chain",
)  # fmt: skip


def no_word_in(shown: str) -> bool:
    return not any(word in shown for word in ("Zebulon", "Quarrelwort", "4711"))


@pytest.mark.parametrize("kind", KINDS)
class TestExceptions:
    def failure(self, kind: str) -> Exception:
        with pytest.raises(Exception) as raised:
            parse(kind)
        return raised.value

    def test_what_is_told_of_one_names_its_type_and_its_places_alone(self, kind):
        error = self.failure(kind)
        assert no_word_in(tell(error) + trace(error))
        assert type(error).__name__ in tell(error)
        assert "test_containment.py" in trace(error)
        assert "in parse" in trace(error)

    def test_the_log_tells_no_more(self, kind, capsys):
        logger = make_logger(f"log-of-{kind}")
        error = self.failure(kind)
        try:
            raise error
        except Exception:
            logger.exception("failed")
            logger.exception(error)
        out = capsys.readouterr().out
        assert no_word_in(out)
        first, second = map(json.loads, out.splitlines())
        assert (first["message"], first["exception_name"]) == ("failed", type(error).__name__)
        assert second["message"] == tell(error)

    def test_a_function_that_fails_tells_lambda_its_type_alone(self, kind):
        runtime = run_in_lambda(contained(lambda event, context: parse(kind)), {})
        assert no_word_in(runtime.everything)
        assert runtime.error["errorType"] == "Unforeseen"
        assert type(self.failure(kind)).__name__ in runtime.error["errorMessage"]
        assert any("in parse" in line for line in runtime.error["stackTrace"])


def test_awss_answer_is_told_by_its_code_and_operation():
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": WORDS}}, "GetObject")
    assert tell(refused) == "ClientError: AccessDenied in GetObject"


def test_our_own_errors_are_told_whole():
    assert tell(UnreadableChart("the chart has no text")) == "UnreadableChart: the chart has no text"
    runtime = run_in_lambda(contained(raise_ours), {})
    assert (runtime.error["errorType"], runtime.error["errorMessage"]) == ("UnreadableChart", "the chart has no text")


def raise_ours(event: object, context: object) -> None:
    raise UnreadableChart("the chart has no text")


class Runtime(SimpleNamespace):
    """What Lambda's runtime client hands to the service and to the log."""

    @property
    def everything(self) -> str:
        return repr((self.error, self.fault, self.lines))


def run_in_lambda(handler: Callable[[object, object], object], event: object) -> Runtime:
    """One event through AWS's own runtime interface client."""
    seen = Runtime(error=None, fault=None, lines=[])

    class Client:
        marshaller = LambdaMarshaller()

        def post_invocation_error(self, invoke_id, error, fault, invocation_id=None):
            seen.error, seen.fault = json.loads(error), fault

        def post_invocation_result(self, *_):
            raise AssertionError("it was to fail")

    sink = SimpleNamespace(log_error=seen.lines.extend)
    body = json.dumps(event)
    bootstrap.handle_event_request(
        Client(), handler, "1", body, "application/json", "{}", "{}", "arn:aws:lambda:x", 1, None, sink
    )
    return seen


class TestLog:
    def test_a_field_that_is_not_on_the_list_is_dropped_and_the_line_says_so(self, capsys):
        make_logger("fields").warning("chart failed", extra={"chart": "b1/c1", "text": WORDS})
        line = json.loads(capsys.readouterr().out)
        assert (line["chart"], line["withheld"]) == ("b1/c1", "text")
        assert WORDS not in json.dumps(line)

    def test_a_charts_text_under_a_listed_field_does_not_show_itself(self, capsys):
        make_logger("text").warning("chart failed", extra={"reason": ProtectedText(WORDS)})
        assert json.loads(capsys.readouterr().out)["reason"] == f"<{len(WORDS)} characters of a chart>"

    def test_lines_carry_service_run_and_worker(self, capsys):
        make_logger("worker", run="stack-000001", worker="i-1").info("leaving", extra={"in_hand": 3})
        line = json.loads(capsys.readouterr().out)
        assert (line["service"], line["run"], line["worker"], line["in_hand"]) == ("worker", "stack-000001", "i-1", 3)

    def test_no_environment_variable_makes_a_function_log_its_event(self, capsys, monkeypatch):
        monkeypatch.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")
        logger = make_logger("events")
        context = LambdaContext()
        for name in ("function_name", "memory_limit_in_mb", "invoked_function_arn", "aws_request_id"):
            setattr(context, f"_{name}", "x")
        logger.inject_lambda_context(log_event=False)(lambda event, _: logger.info("done"))({"text": WORDS}, context)
        assert no_word_in(capsys.readouterr().out)


def test_no_environment_variable_makes_the_api_show_its_faults(monkeypatch, request):
    for name in ("POWERTOOLS_DEV", "POWERTOOLS_EVENT_HANDLER_DEBUG", "POWERTOOLS_DEBUG"):
        monkeypatch.setenv(name, "true")
    call = request.getfixturevalue("call")
    monkeypatch.setattr(ChartsQueue, "depth", lambda _: int(WORDS))
    with pytest.raises(Unforeseen) as raised:
        call("GET", "/status")
    assert str(raised.value) == "failed with ValueError"
    assert no_word_in("".join(traceback.format_exception(raised.value)).replace("WORDS", ""))


OUTLETS = {
    "an uncaught exception": "raise ValueError(W)",
    "an uncaught chain of exceptions": "try:\n    int(W)\nexcept ValueError as e:\n    raise KeyError(W) from e",
    "an exception in a thread": "import threading; t = threading.Thread(target=lambda: int(W)); t.start(); t.join()",
    "an exception in a finalizer": "class A:\n    def __del__(self): int(W)\na = A(); del a",
    "a warning": "import warnings; warnings.warn(W)",
    "a library's log line": "import logging; logging.getLogger('library').error('%s', W)",
    "a library's log line with its exception": (
        "import logging\ntry:\n    int(W)\nexcept ValueError:\n    logging.getLogger('library').exception(W)"
    ),
    "a log line that cannot be written": "import logging; logging.getLogger('library').error('%d', W)",
    "boto3's debug log": (
        "import logging; logging.getLogger().setLevel(logging.DEBUG); logging.getLogger('botocore').debug('%s', W)"
    ),
    "Powertools' debug log": ("import logging\nlogging.getLogger('aws_lambda_powertools.event_handler').debug(W)"),
    "an exception in a callback of a future": (
        "from concurrent.futures import Future\nf = Future(); f.add_done_callback(lambda f: int(W)); f.set_result(1)"
    ),
    "loguru": "from loguru import logger; logger.error(W)",
    "loguru's tracebacks": "from loguru import logger\nwith logger.catch():\n    int(W)",
}


@pytest.mark.parametrize("outlet", OUTLETS)
def test_nobody_elses_words_get_out_of_a_process(outlet):
    before = "import os\nos.environ['POWERTOOLS_DEBUG'] = 'true'\nimport aws_lambda_powertools\nW = input()\n"
    contained = f"from chartcoder.outlets import contain_process\ncontain_process()\n{OUTLETS[outlet]}\n"
    done = run_python("-c", before + contained, words=WORDS)
    assert no_word_in(done.stdout + done.stderr)
    bare = run_python("-c", f"{before}{OUTLETS[outlet]}\n", words=WORDS)
    assert not no_word_in(bare.stdout + bare.stderr) or outlet == "boto3's debug log", "nothing was contained"


def test_a_contained_process_says_where_it_failed():
    code = "from chartcoder.outlets import contain_process\ncontain_process()\ndef work():\n    int('x')\nwork()\n"
    done = run_python("-c", code)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "ValueError"
    assert "<string>:4 in work" in done.stderr


def test_a_crash_leaves_no_core_file():
    code = "import resource\nfrom chartcoder.outlets import contain_process\ncontain_process()\n"
    done = run_python("-c", code + "print(resource.getrlimit(resource.RLIMIT_CORE))")
    assert done.stdout.strip() == "(0, 0)"


def test_a_process_that_holds_charts_says_nothing_and_its_failures_tell_no_word():
    done = run_python("-m", "tests.security.talkative")
    assert done.returncode == 0
    assert no_word_in(done.stdout + done.stderr)
    for way in WAYS:
        assert f"result: {way}" in done.stdout
    for way in FAILURES:
        assert f"failure: {way}" in done.stdout


def test_the_command_line_tells_of_a_fault_no_word_of_the_chart(tmp_path):
    """A reader's library that fails in the main process, where a JSON line is taken apart."""
    code = (
        "import chartcoder.inputs as inputs\n"
        f"inputs._of_line = lambda line, place: int({WORDS!r})\n"
        "from chartcoder.cli import main\nmain()\n"
    )
    (tmp_path / "charts.jsonl").write_text(json.dumps({"id": "1", "text": WORDS}))
    done = run_python("-c", code, "code", str(tmp_path / "charts.jsonl"))
    assert done.returncode != 0
    assert "ValueError" in done.stderr
    assert no_word_in(done.stdout + done.stderr)


def run_python(*arguments: str, words: str = "") -> subprocess.CompletedProcess[str]:
    """A Python process of its own, with `words` on its standard input."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "LOGURU_"))}
    return subprocess.run(
        [sys.executable, *arguments],
        input=words, capture_output=True, text=True, cwd=ROOT, env=environment, check=False, timeout=120,
    )  # fmt: skip
