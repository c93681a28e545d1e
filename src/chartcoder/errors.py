"""Every error of the project, as one tree.

    ChartcoderError
    ├── SettingMissing, SettingInvalid      the environment does not say what is needed
    ├── ChartError                          this chart cannot be coded; its neighbours can
    │   ├── UnreadableChart                 the bytes are not a document we can read
    │   │   ├── NoTextLayer                 a scan: pictures of text
    │   │   └── ChartOutOfReach             S3 does not give the object
    │   ├── SeveralCharts                   one object holds several documents
    │   ├── ChartTooLarge
    │   ├── BadChartKey                     the object's key is not charts/<batch>/<chart>.<ext>
    │   ├── ChartGone                       the object was deleted before it was read
    │   └── CodingFailed                    the coder crashed, ran out of time or memory
    ├── FleetError                          the run cannot go on
    │   ├── LeaseLost                       another run holds the lease, or nobody does
    │   ├── NoCapacity                      EC2 has no instance to give
    │   ├── KeyUnusable                     the stack's key is disabled: nothing can be read or written
    │   ├── QueueRefused                    SQS did not take some messages of a request
    │   ├── Stalled                         a worker holds charts, or asks for some, and comes no further
    │   └── MetadataUnavailable             the instance-metadata service does not answer
    ├── NotFound                            no such batch, chart or run
    ├── ReleaseInvalid                      the files of a code release are not what the build can read
    ├── BadRequest                          what was asked is malformed; the message says what was expected
    ├── Conflict                            what was asked does not fit what is there by now
    │   ├── KeyReused                       the Idempotency-Key was used for another request
    │   ├── PreconditionMissing             it was not said what is thought to be there
    │   └── Stale                           what is thought to be there has changed
    ├── TokenRefused, Unauthorized          a bearer token is not good, and what API Gateway is told of it
    ├── IssuerUnavailable                   the issuer of bearer tokens does not give its keys
    ├── LexiconMissing                      the compiled lexicon was not built
    └── Unforeseen                          something failed that nobody foresaw: told by its type, not in its words

What an AWS service's own errors mean is told by `cloud/faults.py`.

A message names what was wrong, what was expected and what to do. It never holds a word of a chart: a chart's text is
protected health information, and messages end in logs.
"""


class ChartcoderError(Exception):
    """Whatever the project raises on purpose."""


class SettingMissing(ChartcoderError):
    """A setting without a default is not in the environment."""


class SettingInvalid(ChartcoderError):
    """A setting's value is not of its type or out of its range."""


class ChartError(ChartcoderError):
    """One chart cannot be coded. `reason` is the short, stable word under which failures are counted."""

    reason = "chart_error"


class UnreadableChart(ChartError):
    reason = "unreadable"


class NoTextLayer(UnreadableChart):
    """A scan: its pages are pictures, and no text can be read without recognising it."""

    reason = "no_text_layer"


class ChartOutOfReach(UnreadableChart):
    """S3 does not give the object: deleted, archived, under another's key, or the stack's own key is out of use."""


class SeveralCharts(ChartError):
    """One object holds several documents, and one result a chart could not be given."""

    reason = "several_charts"


class ChartTooLarge(ChartError):
    reason = "too_large"


class BadChartKey(ChartError):
    reason = "bad_key"


class ChartGone(ChartError):
    reason = "gone"


class CodingFailed(ChartError):
    reason = "coding_failed"


class FleetError(ChartcoderError):
    """The run cannot go on as it is."""


class LeaseLost(FleetError):
    """This run no longer holds the lease: it must end without touching what another run may own by now."""


class NoCapacity(FleetError):
    """EC2 has no instance of the asked kind to give at the moment."""


class KeyUnusable(FleetError):
    """The stack's KMS key is disabled or about to be deleted: everything must stop, and nothing may be started."""


class QueueRefused(FleetError):
    """SQS took a request and refused some of its messages; `codes` are its words for why."""

    def __init__(self, what: str, codes: list[str]) -> None:
        self.codes = sorted(set(codes))
        super().__init__(f"SQS did not {what} {len(codes)} messages: {', '.join(self.codes)}")


class Stalled(FleetError):
    """A worker holds charts and none ends, or it asks for charts and gets no answer: another takes its place."""


class PoolBroken(FleetError):
    """Coding processes die though no chart is on them, again and again: another worker takes this one's place."""


class MetadataUnavailable(FleetError):
    """The instance-metadata service does not answer: this is no EC2 instance, or the service is off."""


class NotFound(ChartcoderError):
    """There is no such batch, chart or run."""


class BadRequest(ChartcoderError):
    """What was asked is malformed; the message says what was expected."""


class Conflict(ChartcoderError):
    """What was asked does not fit what is there: a decision on a chart that failed, a key used for something else."""


class KeyReused(Conflict):
    """An Idempotency-Key came before, with another request."""


class Stale(Conflict):
    """Somebody was quicker: the thing is no longer what it was when it was read."""


class PreconditionMissing(Conflict):
    """A change was asked for without saying on which state of the thing (If-Match)."""


class ReleaseInvalid(ChartcoderError):
    """The official files of an ICD-10-CM release are missing or not what they should be; names file and line."""


class TokenRefused(ChartcoderError):
    """A bearer token is not good. The message says why, and holds nothing of the token."""


class Unauthorized(ChartcoderError):
    """What a Lambda authorizer raises for API Gateway to answer 401: its message is that one word."""


class IssuerUnavailable(ChartcoderError):
    """The issuer of bearer tokens does not give its keys: nobody can be let in."""


class LexiconMissing(ChartcoderError):
    """The compiled lexicon was not built; `make setup` or `python -m chartcoder.coding.build` builds it."""


class Unforeseen(ChartcoderError):
    """Something failed that nobody foresaw. It is told by its type and its places: its own words may quote a chart."""
