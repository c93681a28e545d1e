"""What each operation of the API does: unpack the request, ask `Answering` once, pack its answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import Response

from chartcoder.answering import Answering
from chartcoder.answering.asked import members, opaque
from chartcoder.logs import make_logger
from functions.api.http import FHIR_JSON, JSON, Request, accepted, answer, too_long
from functions.api.pages import asset as asset_of_pages
from functions.api.pages import page

Handle = Callable[..., Response[str]]
logger = make_logger()
DOCUMENT = Path(__file__).with_name("openapi.json")


def routes(ask: Answering) -> dict[str, Handle]:
    """By operation's id (`operations.py`): takes the request and the path's ids, gives the answer."""
    return {
        "submit_chart": lambda request: accepted(_logged(_submit_chart(ask, request))),
        "submit_batch": lambda request: accepted(_logged(_submit_batch(ask, request))),
        "list_batches": lambda request: answer(ask.batches.page(token=request.token)),
        "get_batch": lambda _, batch: answer(ask.batches.one(batch)),
        "count_codes": lambda request, batch: answer(ask.batches.codes(batch, token=request.token)),
        "list_charts": lambda request, batch: answer(ask.charts.page(batch, token=request.token)),
        "get_chart": lambda _, batch, chart: _chart(ask, batch, chart),
        "get_text": lambda _, batch, chart: answer(ask.charts.text(batch, chart)),
        "get_fhir": lambda request, batch, chart: _fhir(ask, request, batch, chart),
        "list_decisions": lambda _, batch, chart: _decisions(ask, batch, chart),
        "decide": lambda request, batch, chart: _decide(ask, request, batch, chart),
        "redrive_chart": lambda _, batch, chart: accepted(_logged({**ask.failures.redrive_chart(batch, chart)})),
        "list_charts_of_code": lambda request, code: answer(
            ask.codes.charts(code, batch=request.query("batch"), token=request.token)
        ),
        "list_failures": lambda request: answer(ask.failures.page(token=request.token)),
        "redrive": lambda request: answer(ask.failures.redrive(batch=_redriven(request))),
        "list_runs": lambda request: answer(ask.runs.page(token=request.token)),
        "get_run": lambda _, run: answer(ask.runs.one(run)),
        "get_status": lambda _: answer(ask.status.now()),
        "review_batch": lambda _, batch: _page("batch", batch=batch),
        "review_chart": lambda _, batch, chart: _page("chart", batch=batch, chart=chart),
        "get_asset": lambda _, asset: asset_of_pages(asset),
        "get_document": lambda _: Response(200, JSON, DOCUMENT.read_text()),
    }


def _logged(taken: dict[str, Any]) -> dict[str, Any]:
    """What was taken in, once it is in the log: the line leads from a batch to its request and its trace."""
    batch, chart = taken["batch"], taken.get("chart")
    several = taken.get("charts") or taken.get("uploads") or [chart]
    whole = f"{batch}/{chart}" if chart else None
    logger.info("accepted", extra={"batch": batch, "chart": whole, "charts": len(several)})
    return taken


def _page(name: str, **ids: str) -> Response[str]:
    """A page, which asks for its data itself. Raises BadRequest where an id of its address is none."""
    for what, value in ids.items():
        opaque(value, what)
    return page(name)


def _submit_chart(ask: Answering, request: Request) -> dict[str, Any]:
    """JSON is `{"batch", "text"}`; any other type is the document itself, with its ids in the query."""
    ids = _ids(request, "batch", "chart")
    if request.media_type == JSON:
        return {**ask.submitting.text(request.json())}
    return {**ask.submitting.document(request.bytes(), **ids)}


def _submit_batch(ask: Answering, request: Request) -> dict[str, Any]:
    ids = _ids(request, "batch")
    if request.media_type == JSON:
        return {**ask.submitting.several(request.json())}
    return {**ask.submitting.documents(request.bytes(), **ids)}


def _ids(request: Request, *names: str) -> dict[str, str | None]:
    """The ids in a query, None where they are absent. Raises BadRequest where one is no id, whatever the body is."""
    given = {name: request.query(name) for name in names}
    return {name: None if value is None else opaque(value, name) for name, value in given.items()}


def _redriven(request: Request) -> Any:
    return members(request.json(required=False), "batch").get("batch")


def _chart(ask: Answering, batch: str, chart: str) -> Response[str]:
    """The result, or where it is, where it is longer than an answer may be."""
    whole = answer(ask.charts.one(batch, chart))
    address = ask.charts.address(batch, chart) if too_long(whole) else None
    return whole if address is None else Response(303, headers={"Location": address})


def _fhir(ask: Answering, request: Request, batch: str, chart: str) -> Response[str]:
    return answer(ask.charts.fhir(batch, chart, with_refuted=request.flag("refuted")), media_type=FHIR_JSON)


def _decisions(ask: Answering, batch: str, chart: str) -> Response[str]:
    decisions, version = ask.decisions.of(batch, chart)
    return answer(decisions, headers={"ETag": f'"{version}"'})


def _decide(ask: Answering, request: Request, batch: str, chart: str) -> Response[str]:
    made, version = ask.decisions.decide(batch, chart, request.json(), by=request.caller, version=request.if_match)
    return answer(made, headers={"ETag": f'"{version}"'})
