"""The way from what was measured to what an installation needs.

python -m tests.benchmarks.sizing prints the table of docs/sizing.md
"""

import tomllib
from pathlib import Path

from msgspec import Struct, convert

from ibgu.settings import Settings

MEASURED = Path(__file__).with_name("sizing.toml")
HOURS = 6.0
"""A night: [Prep][Upgrade] of the whole fleet."""
ACTIONS = 2
UPGRADES_A_YEAR = 4
KEPT_DAYS = Settings.model_fields["rollouts_days"].default
"""The default; events are kept for as long."""
FLEETS = ((500, 1), (3_500, 1), (10_000, 1), (100_000, 30), (1_000_000, 300))
"""Clusters, and hubs that share them."""


class Action(Struct, frozen=True):
    cpu_ms: float
    writes: float
    feedback: float
    hub_cpu_ms: float
    etcd_cpu_ms: float
    events: float
    rows: float
    transactions: float
    """Each waits for one write of Postgres's log."""
    pages: float
    """Pages of tables and indexes, written by checkpoints."""
    journal_kib: float


class Cluster(Struct, frozen=True):
    memory_kib: float
    etcd_kib: float


class Base(Struct, frozen=True):
    memory_mib: float


class Measured(Struct, frozen=True):
    action: Action
    cluster: Cluster
    base: Base


class Needs(Struct, frozen=True):
    """Rates are means over the hours; of one hub, but for Postgres, which all of them may share."""

    actions_per_second: float
    controller_cores: float
    controller_mib: float
    hub_writes_per_second: float
    hub_cores: float
    etcd_cores: float
    etcd_mib: float
    transactions_per_second: float
    writes_per_second: float
    """Writes of Postgres to its disk: log and pages."""
    journal_gib: float
    """The journal of one night."""
    kept_gib: float
    """The journal's size when as much goes as comes."""


def measured() -> Measured:
    return convert(tomllib.loads(MEASURED.read_text()), Measured)


def needs(clusters: int, hubs: int, known: Measured, hours: float = HOURS) -> Needs:
    each, actions = clusters / hubs, clusters * ACTIONS
    gib = actions * known.action.journal_kib / 2**20
    rate, all_hubs = each * ACTIONS / (hours * 3600), actions / (hours * 3600)
    return Needs(
        actions_per_second=rate,
        controller_cores=rate * known.action.cpu_ms / 1000,
        controller_mib=known.base.memory_mib + each * known.cluster.memory_kib / 1024,
        hub_writes_per_second=rate * (known.action.writes + known.action.feedback),
        hub_cores=rate * known.action.hub_cpu_ms / 1000,
        etcd_cores=rate * known.action.etcd_cpu_ms / 1000,
        etcd_mib=each * known.cluster.etcd_kib / 1024,
        transactions_per_second=all_hubs * known.action.transactions,
        writes_per_second=all_hubs * (known.action.transactions + known.action.pages),
        journal_gib=gib,
        kept_gib=gib * UPGRADES_A_YEAR * KEPT_DAYS / 365,
    )


def table() -> str:
    known = measured()
    rows = [_row(clusters, hubs, needs(clusters, hubs, known)) for clusters, hubs in FLEETS]
    return "\n".join([_HEAD, *rows, ""])


_HEAD = """\
| clusters | hubs | actions/s | controller | writes/s to the hub | kube-apiserver | etcd | \
Postgres, all hubs | journal, all hubs | kept, all hubs |
|---|---|---|---|---|---|---|---|---|---|"""


def _row(clusters: int, hubs: int, need: Needs) -> str:
    cells = (
        f"{clusters:,}",
        f"{hubs}",
        _short(need.actions_per_second),
        f"{_millis(need.controller_cores)}, {need.controller_mib:.0f} MiB",
        _short(need.hub_writes_per_second),
        _millis(need.hub_cores),
        f"{_millis(need.etcd_cores)}, {need.etcd_mib:.0f} MiB",
        f"{_short(need.transactions_per_second)} transactions/s, "
        f"{_short(need.writes_per_second)} IOPS",
        f"{_short(need.journal_gib)} GiB",
        f"{_short(need.kept_gib)} GiB",
    )
    return f"| {' | '.join(cells)} |"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _millis(cores: float) -> str:
    """Returns the cores as Kubernetes writes them: thousandths of a core."""
    return f"{max(1, round(cores * 1000))}m"


if __name__ == "__main__":
    print(table())
