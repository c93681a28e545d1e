"""`chartcoder plan`: how many workers a backlog would get, how long they would take, and what it would cost."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from chartcoder import prices, sizing
from chartcoder.cli.app import app, examples
from chartcoder.cli.connection import Connection, Endpoint, StackName
from chartcoder.settings import PREFIX, Settings

OF_SETTINGS = {  # the stack's parameters that size a run, as `template.yaml` gives them to `Settings`
    "min_workers": "MinWorkers",
    "max_workers": "MaxWorkers",
    "spot_share": "SpotShare",
    "target_minutes": "TargetMinutes",
    "budget_usd": "BudgetPerRun",
    "budget_usd_per_day": "BudgetPerDay",
    "instance_type": "WorkerInstanceType",
    "engine": "Engine",
}
MASTER = "MasterInstanceType"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a run would be for so many charts."""

    charts: int
    rate: float  # charts a minute and worker
    measured_by: str  # the run that measured the rate; empty where none has
    workers: int
    spot: int
    on_demand: int
    minutes: float  # from the launch of the workers to the last result, booting included
    workers_usd: float
    on_demand_usd: float  # the same workers, were all of them On-Demand
    master_usd: float
    requests_usd: dict[str, float]  # by service
    limit: str  # the budget that would be reached; empty where none would

    @property
    def usd(self) -> float:
        """All of it."""
        return self.workers_usd + self.master_usd + sum(self.requests_usd.values())


def foresee(
    charts: int,
    settings: Settings,
    *,
    master_type: str,
    rate: float | None = None,
    measured_by: str = "",
) -> Foreseen:
    """What a run would be that begins now with so many charts, by the arithmetic of the run itself.

    Args:
        rate: charts a minute and worker; None before any run has measured it.

    Raises:
        SettingInvalid: there is no price for an instance type.
    """
    rate = sizing.FIRST_RATE if rate is None else rate
    on_demand_price = prices.usd_per_hour(settings.instance_type)
    workers = sizing.fleet_for(charts, sizing.Standing(rate=rate), settings, usd_per_hour=on_demand_price)
    spot, on_demand = sizing.split(workers, spot_share=settings.spot_share, spot_alive=0, on_demand_alive=0)
    minutes, on_demand_usd = sizing.expect(charts, workers, rate=rate, usd_per_hour=on_demand_price)
    spot_usd = minutes / 60 * spot * prices.usd_per_hour(settings.instance_type, "spot")
    workers_usd = spot_usd + minutes / 60 * on_demand * on_demand_price
    master_usd = prices.usd_per_hour(master_type) * (minutes + sizing.BOOT_MINUTES) / 60 if charts else 0.0
    return Foreseen(
        charts=charts,
        rate=rate,
        measured_by=measured_by,
        workers=workers,
        spot=spot,
        on_demand=on_demand,
        minutes=minutes,
        workers_usd=workers_usd,
        on_demand_usd=on_demand_usd,
        master_usd=master_usd,
        requests_usd=prices.requests_by_service(charts),
        limit=sizing.limit_reached(settings, run_usd=workers_usd + master_usd, day_usd=workers_usd + master_usd),
    )


@app.command(
    epilog=examples(
        "chartcoder plan",
        "chartcoder plan --charts 1000000",
        "chartcoder plan --charts 1000000 --max-workers 40 --target-minutes 30",
        "chartcoder plan --charts 50000 --json",
    )
)
def plan(
    charts: Annotated[
        int | None, typer.Option(min=0, help="So many charts, instead of those that wait in the queue.")
    ] = None,
    max_workers: Annotated[int | None, typer.Option(min=1, help="As if MaxWorkers were this.")] = None,
    target_minutes: Annotated[int | None, typer.Option(min=1, help="As if TargetMinutes were this.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
    stack: StackName = "chartcoder",
    endpoint: Endpoint = None,
) -> None:
    """How many workers a run would have for the charts that wait, how long it would take, and its price.

    The numbers are those that the run itself would come to: the stack's settings, the speed that its last run measured,
    list prices of us-east-1. Spot's price moves; it is reckoned at 60 % of On-Demand. Not reckoned: a new table of
    DynamoDB may hold up more than two workers for its first hour.
    """
    connection = Connection(stack, endpoint)
    settings = settings_of(connection.parameters, max_workers=max_workers, target_minutes=target_minutes)
    if charts is None:
        status = connection.ask("GET", "/status")
        charts = status["waiting"] + status["in_flight"] + status["delayed"]
    rate, measured_by = _last_rate(connection, settings)
    foreseen = foresee(charts, settings, master_type=connection.parameters[MASTER], rate=rate, measured_by=measured_by)
    if as_json:
        typer.echo(json.dumps(_as_dict(foreseen)))
    else:
        _show(foreseen, settings)


def settings_of(
    parameters: dict[str, str], *, max_workers: int | None = None, target_minutes: int | None = None
) -> Settings:
    """The settings that size a run, of a stack's parameters, or as if two of them were others.

    Raises:
        SettingInvalid: a parameter is not of its type.
    """
    environment = {PREFIX + name.upper(): "-" for name in Settings.required()}
    for name, parameter in OF_SETTINGS.items():
        if parameter in parameters:  # a stack of an earlier version lacks the newest
            environment[PREFIX + name.upper()] = parameters[parameter]
    settings = Settings.read(environment)
    return replace(
        settings,
        max_workers=settings.max_workers if max_workers is None else max_workers,
        target_minutes=settings.target_minutes if target_minutes is None else target_minutes,
    )


def _last_rate(connection: Connection, settings: Settings) -> tuple[float | None, str]:
    """The rate of the last run on such instances with this engine, and the run's name."""
    for run in connection.ask("GET", "/runs")["runs"]:
        of_run = (run.get("instance_type"), run.get("engine"))
        if run.get("rate") and of_run == (settings.instance_type, settings.engine):
            return float(run["rate"]), str(run["run"])
    return None, ""


def _as_dict(foreseen: Foreseen) -> dict[str, Any]:
    return asdict(foreseen) | {"usd": foreseen.usd}


def _spelt(minutes: float) -> str:
    return f"{minutes:.0f} minutes" if minutes < 180 else f"{minutes / 60:,.1f} hours"


def _show(foreseen: Foreseen, settings: Settings) -> None:
    speed = f"{foreseen.rate:,.0f} charts a minute and worker"
    source = f"measured by {foreseen.measured_by}" if foreseen.measured_by else "a guess: no run has measured it"
    typer.echo(f"{foreseen.charts:,} charts; {speed}, {source}")
    markets = f"{foreseen.spot} Spot, {foreseen.on_demand} On-Demand"
    typer.echo(
        f"{foreseen.workers} workers of {settings.instance_type} ({markets}), at most {settings.max_workers}, "
        f"to be done in {settings.target_minutes} minutes"
    )
    typer.echo(f"about {_spelt(foreseen.minutes)} from the launch of the workers, booting included\n")
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("what")
    table.add_column("USD", justify="right")
    table.add_row("workers", f"{foreseen.workers_usd:.4f}")
    table.add_row("  were all On-Demand", f"({foreseen.on_demand_usd:.4f})")
    table.add_row("master", f"{foreseen.master_usd:.4f}")
    for service, usd in foreseen.requests_usd.items():
        table.add_row(service, f"{usd:.4f}")
    table.add_row("together", f"{foreseen.usd:.4f}")
    if foreseen.charts:
        table.add_row("a thousand charts", f"{1000 * foreseen.usd / foreseen.charts:.4f}")
    Console(soft_wrap=True, markup=False, highlight=False).print(table)
    if foreseen.limit:
        typer.echo(f"\nthe run would end at {foreseen.limit}; the charts left would wait")
