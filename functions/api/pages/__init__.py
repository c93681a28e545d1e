"""The pages to review on: HTML, styles and scripts as they are, which ask this API for what they show.

Nothing is put into a page here, so nothing that a chart, an id or a code holds is ever read as markup by the browser:
the scripts make text nodes of it, and the policy below has the browser refuse anything else.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from aws_lambda_powertools.event_handler import Response

from chartcoder.errors import NotFound

FOLDER = Path(__file__).parent
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
HTML = "text/html; charset=utf-8"

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",  # no string of ours becomes markup or a script, by whatever mistake
        "trusted-types 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def page(name: str) -> Response[str]:
    """One of the pages: `chart` or `batch`."""
    body = (FOLDER / f"{name}.html").read_text(encoding="utf-8")
    return Response(HTTPStatus.OK.value, HTML, body, headers={**HEADERS})


def asset(name: str) -> Response[str]:
    """A style, a script or the icon of the pages.

    Raises:
        NotFound: there is none of this name.
    """
    kind = TYPES.get(Path(name).suffix)
    if kind is None or name not in {file.name for file in FOLDER.iterdir()}:
        raise NotFound("the pages have no such file")
    return Response(HTTPStatus.OK.value, kind, (FOLDER / name).read_text(encoding="utf-8"), headers={**HEADERS})
