"""ChartsBucket: the charts as they were submitted, and what S3's events say of them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from botocore.exceptions import ClientError

from chartcoder.chart import ID_PATTERN
from chartcoder.cloud.faults import tells_of_the_key
from chartcoder.errors import BadChartKey, BadRequest, ChartGone, ChartOutOfReach, ChartTooLarge
from chartcoder.untrusted import NotJson, is_text, parse_json

PREFIX = "charts/"
UNFILED = "unfiled"  # the batch of objects whose key names none
SEQUENCER_WIDTH = 32  # sequencers compare as hexadecimal strings padded on the right to one length
MOST_RECORDS = 10  # in a message; S3 sends one
UPLOAD_SECONDS = 3600  # an address to upload to is good for; the signer's own credentials may end earlier
KEY_BYTES = 1024  # the longest key that S3 takes
SEQUENCER = re.compile(r"[0-9A-Fa-f]{0,32}")
VERSION = re.compile(r"[\x21-\x7e]{1,1024}")
EXTENSION = re.compile(r"(\.[A-Za-z0-9]{1,16})?")

GONE = {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "InvalidArgument"}
"""S3's codes for an object or a version that is not there; the last of a version id that S3 never gave."""

OUT_OF_REACH = {"AccessDenied", "InvalidObjectState", "InvalidRequest"}
"""S3's codes for an object that our reader does not get: encrypted with a key that its sender kept (SSE-C) or that is
another account's, or moved to an archive. To a reader that may not list, as a worker, S3 says AccessDenied of an object
that is not there, too (GetObject, "Permissions")."""


@dataclass(frozen=True, slots=True)
class ChartReference:
    """One version of one object of ChartsBucket. The key may hold what a careless sender put there: never log it."""

    key: str = field(repr=False)
    version: str | None
    size: int | None
    sequencer: str  # orders the events of one key: a later upload has the larger one

    @property
    def batch(self) -> str:
        batch, _ = self._parts()
        return batch if ID_PATTERN.fullmatch(batch) else UNFILED

    @property
    def chart(self) -> str:
        """The chart's id within its batch: the file's name without extension, or a digest of a key that is none."""
        _, name = self._parts()
        return name if self.fault is None else f"key-{hashlib.sha256(self.key.encode()).hexdigest()[:32]}"

    @property
    def id(self) -> str:
        return f"{self.batch}/{self.chart}"

    @property
    def extension(self) -> str:
        return PurePosixPath(self.key).suffix

    @property
    def fault(self) -> BadChartKey | None:
        """What is wrong with the key, if anything; the words do not repeat it."""
        batch, name = self._parts()
        named = ID_PATTERN.fullmatch(batch) and ID_PATTERN.fullmatch(name)
        if named and EXTENSION.fullmatch(self.extension):  # which stands in the sort key where two charts share a name
            return None
        return BadChartKey(
            "the object's key is not charts/<batch>/<chart>.<ext> with a batch and a chart of 1 to 128 letters, "
            "digits, dots, underscores and hyphens, and an extension of up to 16 letters and digits; upload the chart "
            "again under such a key and delete this object"
        )

    def _parts(self) -> tuple[str, str]:
        """(batch, chart) of the key, either empty where the key does not name it."""
        parts = self.key.removeprefix(PREFIX).split("/")
        if not self.key.startswith(PREFIX) or len(parts) != 2:
            return (parts[0] if self.key.startswith(PREFIX) and len(parts) > 2 else ""), ""
        return parts[0], PurePosixPath(parts[1]).stem


def references(message: str, *, bucket: str) -> list[ChartReference]:
    """The objects of `bucket` that an S3 event names: usually one, none in the `s3:TestEvent` that comes once, none for
    a deletion.

    Raises:
        BadRequest: the message is not an S3 event of this bucket. It stays in the queue and ends as a dead letter.
    """
    try:
        event = parse_json(message)
        if event.get("Event") == "s3:TestEvent":
            return []
        records = event["Records"]
        if not isinstance(records, list) or len(records) > MOST_RECORDS:
            raise NotJson(f"its Records are no list of up to {MOST_RECORDS}")
        return [
            _reference(record["s3"], bucket) for record in records if record["eventName"].startswith("ObjectCreated:")
        ]
    except NotJson as error:
        raise BadRequest(f"a message is not an S3 event: {error}; expected what S3 itself sends") from None
    except (AttributeError, KeyError, TypeError) as error:
        raise BadRequest(
            f"a message is not an S3 event ({type(error).__name__}); expected what S3 itself sends"
        ) from None


def _reference(s3: dict[str, Any], bucket: str) -> ChartReference:
    """The object of one record. Raises NotJson with what is wrong, without what it is."""
    if s3["bucket"]["name"] != bucket:
        raise NotJson("it names another bucket")
    thing = s3["object"]
    key = unquote_plus(thing["key"])  # keys come form-encoded: a blank is a plus
    version, size, sequencer = thing.get("versionId"), thing.get("size"), thing.get("sequencer", "")
    if not is_text(key) or not 1 <= len(key.encode()) <= KEY_BYTES:
        raise NotJson(f"a key is not of 1 to {KEY_BYTES:,} bytes of UTF-8")
    if version is not None and not VERSION.fullmatch(version):
        raise NotJson("a versionId is none")
    if size is not None and (type(size) is not int or size < 0):
        raise NotJson("a size is no number of bytes")
    if not SEQUENCER.fullmatch(sequencer):
        raise NotJson("a sequencer is not hexadecimal")
    return ChartReference(key, version, size, sequencer.ljust(SEQUENCER_WIDTH, "0"))


def as_event(reference: ChartReference, bucket: str) -> str:
    """The S3 event that names `reference`: what a redrive puts back on the queue."""
    body = {"key": quote_plus(reference.key, safe="/"), "versionId": reference.version, "size": reference.size}
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Redrive",
        "s3": {
            "bucket": {"name": bucket},
            "object": {name: value for name, value in body.items() if value is not None}
            | {"sequencer": reference.sequencer},
        },
    }
    return json.dumps({"Records": [record]})


class ChartStore:
    """Puts, reads and lists charts."""

    def __init__(self, s3: Any, bucket: str, *, max_bytes: int) -> None:
        self._s3 = s3
        self.bucket = bucket
        self._max_bytes = max_bytes

    def put(self, chart_id: str, data: bytes, *, extension: str = ".txt") -> str:
        """Stores a chart under `<batch>/<chart>` and gives its key; S3 tells the queue.

        Raises:
            BadRequest: the id is not `<batch>/<chart>` of the allowed letters.
            ChartTooLarge: `data` is longer than a chart may be.
        """
        batch, _, chart = chart_id.partition("/")
        if not (ID_PATTERN.fullmatch(batch) and ID_PATTERN.fullmatch(chart)):
            raise BadRequest(
                "a chart's id is <batch>/<chart>, each 1 to 128 letters, digits, dots, underscores, hyphens"
            )
        self.check_size(len(data))
        key = f"{PREFIX}{batch}/{chart}{extension}"
        self._s3.put_object(Bucket=self.bucket, Key=key, Body=data)
        return key

    def check_size(self, size: int) -> None:
        """Raises ChartTooLarge where so many bytes are more than a chart may have."""
        if size > self._max_bytes:
            raise self._too_large(size)

    def upload_url(self, chart_id: str, *, extension: str) -> tuple[str, str]:
        """An address to PUT one chart's bytes to, and until when (ISO 8601, UTC). Whoever has it may write that object
        and nothing else; the bucket encrypts it with the stack's key whatever the request says or leaves out."""
        until = datetime.now(UTC) + timedelta(seconds=UPLOAD_SECONDS)
        which = {"Bucket": self.bucket, "Key": f"{PREFIX}{chart_id}{extension}"}
        url: str = self._s3.generate_presigned_url("put_object", Params=which, ExpiresIn=UPLOAD_SECONDS)
        return url, until.isoformat(timespec="seconds")

    def get(self, reference: ChartReference) -> bytes:
        """The bytes of exactly the version that the event named.

        Raises:
            ChartTooLarge: before anything is read.
            ChartGone: it was deleted, or expired, before it was read.
            ChartOutOfReach: it may be there, and S3 does not give it; that is the chart's own fault where the stack's
                key can be used.
        """
        which = {"Bucket": self.bucket, "Key": reference.key}
        if reference.version:
            which["VersionId"] = reference.version
        try:
            answer = self._s3.get_object(**which)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in GONE:
                raise ChartGone("the object was deleted before it was read; upload the chart again") from None
            if code in OUT_OF_REACH or tells_of_the_key(error):
                raise ChartOutOfReach(
                    f"S3 does not give the object ({code}): it was deleted, archived, or encrypted with a key of its "
                    "sender's; upload the chart again. Where all charts fail so, mend the workers' role and redrive"
                ) from None
            raise
        with answer["Body"] as body:
            if answer["ContentLength"] > self._max_bytes:
                raise self._too_large(answer["ContentLength"])
            data: bytes = body.read()
            return data

    def count(self, batch: str, *, at_most: int = 100_000) -> tuple[int, bool]:
        """How many objects `batch` has, and whether that is all of them (False where counting stopped at `at_most`)."""
        counted = 0
        for counted, _ in enumerate(self._objects(batch), start=1):
            if counted >= at_most:
                return counted, False
        return counted, True

    def exists(self, chart_id: str) -> bool:
        """Whether a chart was submitted under this id, with whatever extension."""
        found = self._s3.list_objects_v2(Bucket=self.bucket, Prefix=f"{PREFIX}{chart_id}.", MaxKeys=1)
        return bool(found.get("Contents"))

    def ids(self, batch: str) -> set[str]:
        """The ids of the charts that the bucket holds of `batch`. Raises BadRequest where `batch` is no id."""
        if not ID_PATTERN.fullmatch(batch):
            raise BadRequest("a batch's id is 1 to 128 letters, digits, dots, underscores and hyphens")
        return {PurePosixPath(held["Key"]).stem for held in self._objects(batch)}

    def _objects(self, batch: str) -> Iterator[dict[str, Any]]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{PREFIX}{batch}/")
        for page in pages:
            yield from page.get("Contents", [])

    def _too_large(self, size: int) -> ChartTooLarge:
        return ChartTooLarge(
            f"the chart has {size:,} bytes; expected at most {self._max_bytes:,}. Split the document, "
            "or raise the stack's parameter MaxChartBytes"
        )
