"""`python -m tools.fuzz --seconds 120`: schemathesis over the API's document, against the embedded cloud.

Fails where any answer is a server error, or is one that the document does not describe: a status, a content type, a
header or a body of another shape; where what the document allows is refused, or what it forbids is taken in.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from chartcoder import Chart, Coder
from chartcoder.cloud.charts import ChartReference
from chartcoder.cloud.results import Outcome, ResultsStore, pack
from chartcoder.errors import UnreadableChart
from embedded.cloud import EmbeddedCloud

PROJECT = Path(__file__).resolve().parents[2]
SCHEMATHESIS = PROJECT / ".fuzz" / "bin" / "schemathesis"
NO_RUNS = {"BacklogThreshold": "1000000", "LongestWaitMinutes": "240", "ThrottlingRate": "10000"}
TEXT = "ASSESSMENT: Type 2 diabetes mellitus. Hypertension."
NOT_CHECKED = {
    "unsupported_method": "API Gateway answers 403 where a path has no such method, as where there is no such path",
    "missing_required_header": "a missing If-Match is 428 (RFC 6585), which the check does not know",
    "positive_data_acceptance": "a token, an ETag or a key may be of its schema and none that was given out",
}


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--seconds", type=int, default=120, help="for how long to ask")
    arguments.add_argument("--seed", type=int, help="the same requests as another time")
    asked = arguments.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="chartcoder-fuzz-") as data,
        EmbeddedCloud(PROJECT, Path(data), parameters=NO_RUNS, persist=False) as cloud,
    ):
        plant(cloud)
        document = Path(data) / "openapi.json"
        document.write_text(json.dumps(unsigned(cloud.api_url)))
        return run(cloud.api_url, document, seconds=asked.seconds, seed=asked.seed)


def plant(cloud: EmbeddedCloud) -> None:
    """What the document's examples name: a chart that was coded and one that failed."""
    s3, bucket = cloud.client("s3"), cloud.outputs["ChartsBucketName"]
    version = s3.put_object(Bucket=bucket, Key="charts/b1/c1.txt", Body=TEXT.encode())["VersionId"]
    coded = Coder().code(Chart(id="b1/c1", text=TEXT))
    references = [ChartReference(f"charts/b1/{chart}.txt", version, None, "1") for chart in ("c1", "c2")]
    store = ResultsStore(cloud.table(cloud.outputs["ResultsTableName"]), s3, cloud.outputs["ResultsBucketName"])
    codes = tuple(code.code for code in coded.codes)
    store.store(
        [
            Outcome(references[0], "coded", codes, pack(coded.as_dict())),
            Outcome.failed(references[1], UnreadableChart("the chart has no text")),
        ],
        worker="i-1",
        run="chartcoder-000001",
    )


def unsigned(url: str) -> dict[str, Any]:
    """The document as the function serves it, without signatures, since the door signs for everybody; and without the
    route of another service's protocol, whose media type schemathesis cannot write."""
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=60) as reply:  # noqa: S310 - our own door
        document: dict[str, Any] = json.loads(reply.read())
    del document["security"], document["components"]["securitySchemes"], document["paths"]["/comprehend"]
    return document


def run(url: str, document: Path, *, seconds: int, seed: int | None) -> int:
    """schemathesis's exit status: 0 where every check held."""
    command = [
        str(SCHEMATHESIS), "run", str(document), "--url", url,
        "--max-time", str(seconds), "--exclude-checks", ",".join(NOT_CHECKED),
        "--request-timeout", "60", "--continue-on-failure", "--generation-database", "none", "--no-color",
        "--suppress-health-check", "all",
        *(["--seed", str(seed)] if seed is not None else []),
    ]  # fmt: skip
    return subprocess.run(command, check=False).returncode  # noqa: S603 - our own command


if __name__ == "__main__":
    sys.exit(main())
