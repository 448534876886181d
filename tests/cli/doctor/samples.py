"""A hub and a database without fault; each test spoils one thing."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from ibgu.cli.doctor.facts import (
    Agents,
    ClockReading,
    Fleet,
    HubConnection,
    HubFacts,
    LeaseCheck,
    PayloadAccess,
    PolicySets,
    Reach,
    References,
    Rights,
    Subject,
    Talm,
)
from ibgu.cli.doctor.findings import Finding
from ibgu.core.plan.references import UncheckedPolicy
from ibgu.core.views.leadership import Leadership as Leader
from ibgu.db.health import Health
from ibgu.db.schema import VERSION
from ibgu.hub.discovery import Served, ServerVersion

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
IBGU = Subject("system:serviceaccount:ibgu-system:ibgu", "ibgu-system:ibgu")
SERVED = Served(
    hub="uid",
    version=ServerVersion("1", "31", "v1.31.4"),
    works=True,
    update_strategies=frozenset({"Update", "CreateOnly", "ServerSideApply", "ReadOnly"}),
    feedback_by_watch=True,
    ibgu_status=frozenset({"phase", "summary", "clusters", "conditions"}),
    cgus=False,
    policies=True,
    seed_images=True,
    rollout_policies=True,
    grants=True,
    fleet_updates=True,
)
HUB = HubFacts(
    connection=HubConnection("https://hub:6443", IBGU.name),
    served=SERVED,
    rights=Rights(IBGU, 34, ()),
    payload=PayloadAccess(Rights(IBGU, 2, ()), Rights(IBGU, 6, ())),
    references=References(UncheckedPolicy.NAMESPACE, NOW),
    reach=Reach(tenancy=False, across_namespaces=True, namespaces=("ran",)),
    policy_sets=PolicySets(),
    leadership=LeaseCheck("ibgu-system"),
    talm=Talm(),
    fleet=Fleet(total=3, accepted=3, available=3),
    agents=Agents(works=3, answered=3),
    left_over=(),
    import_off=(),
    health_sources=(),
    clock=ClockReading(NOW, NOW, timedelta(seconds=0.5)),
    inspections=True,
)
HEALTH = Health(
    version=150018,
    revision=str(VERSION),
    now=NOW,
    here=NOW,
    milliseconds=0.4,
    read_only=False,
    may_create=True,
    denied=(),
    free_connections=80,
    leaderships=(Leader("pod-1", 1, NOW, None, 0),),
)


def hub(**spoilt: Any) -> HubFacts:
    return replace(HUB, **spoilt)


def served(**spoilt: Any) -> Served:
    return replace(SERVED, **spoilt)


def health(**spoilt: Any) -> Health:
    return replace(HEALTH, **spoilt)


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    """Returns those that are not ok, as (check, level)."""
    return [(f.check, f.level.value) for f in findings if f.level.value != "ok"]
