"""Settings, read once from the environment, typed.

The template gives them to the functions; the launcher hands the same ones on to the master's instance, and the master
to the workers', as `Settings.as_environment()`. A missing or malformed one is named together with where it is set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from math import isfinite
from typing import Any, get_type_hints

from chartcoder.errors import SettingInvalid, SettingMissing

PREFIX = "CHARTCODER_"
EXPECTED = {int: "int, 0 or more", float: "float, 0 or more", str: "one line of text"}


@dataclass(frozen=True, slots=True)
class Settings:
    """One field, one environment variable: `charts_bucket` is `CHARTCODER_CHARTS_BUCKET`."""

    stack: str
    charts_bucket: str
    results_bucket: str
    charts_queue_url: str
    dead_letter_queue_url: str
    results_table: str
    fleet_table: str
    master_launch_template: str  # launch template ids
    worker_launch_template: str  # On-Demand
    worker_spot_launch_template: str
    control_function: str  # whose image the master runs
    coder_function: str  # whose image the workers run
    worker_log_group: str
    master_log_group: str

    backlog_threshold: int = 1  # charts waiting that are worth a run
    longest_wait_minutes: int = 15  # charts that waited so long are worth a run, however few
    min_workers: int = 1  # of a run with as many charts; more than one for short waits
    max_workers: int = 10
    spot_share: int = 100  # percent of the workers asked for as Spot
    target_minutes: int = 60  # a run is sized to be done in this time
    lease_seconds: int = 600
    longest_life_minutes: int = 720
    budget_usd: float = 25.0  # for one run
    budget_usd_per_day: float = 100.0  # for the runs of one day, UTC
    instance_type: str = "c7i.xlarge"
    watch_seconds: int = 15  # between two looks of the master at its run
    max_chart_bytes: int = 10_000_000
    chart_seconds: int = 120  # longest time one chart may take to code
    max_receives: int = 3  # the queue's maxReceiveCount: tries before a chart is a dead letter
    engine: str = "compiled"
    coder_image: str = ""  # resolved by the launcher: the digests the stack was deployed with
    control_image: str = ""
    run: str = ""  # the run an instance belongs to
    trace: str = ""  # the tracing header of the invocation that launched it

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Settings from an environment.

        Raises:
            SettingMissing: naming every variable that is absent and has no default.
            SettingInvalid: naming the first variable whose value is not of its type, and the type; a number is finite
                and not negative, a string of one line.
        """
        types = get_type_hints(cls)
        values: dict[str, Any] = {}
        for field in fields(cls):
            name = PREFIX + field.name.upper()
            if name not in environment:
                continue
            values[field.name] = _value(name, environment[name], types[field.name])
        missing = [PREFIX + name.upper() for name in cls.required() if name not in values]
        if missing:
            raise SettingMissing(f"not in the environment: {', '.join(missing)}. They are set in template.yaml")
        return cls(**values)

    @classmethod
    def required(cls) -> list[str]:
        """The names of those that have no default: what one stack has and no other."""
        return [field.name for field in fields(cls) if field.default is MISSING]

    def as_environment(self) -> dict[str, str]:
        """The environment that `read` reads back; holds no secret and no chart."""
        return {PREFIX + field.name.upper(): str(getattr(self, field.name)) for field in fields(self)}


def _value(name: str, text: str, kind: type) -> Any:
    try:
        value = kind(text)
        sound = value.isprintable() if isinstance(value, str) else isfinite(value) and value >= 0
    except ValueError:
        sound = False
    if not sound:
        raise SettingInvalid(f"{name} is {text!r}; expected {EXPECTED[kind]}. Set it in template.yaml")
    return value
