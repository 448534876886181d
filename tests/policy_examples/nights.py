"""Night windows, and neighbours that are never upgraded together."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ibgu.core.model.names import TIME_ZONE
from tests.e2e.harness import COMPLETED
from tests.e2e.manifests import step
from tests.policy_examples.stage import BEFORE, NAMESPACE, ROLLOUT, Stage
from tests.policy_examples.truth import grouped, met, runs_of, spans_of

POLICY = "ran-nights"
SITE = "example.com/site"
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
UNZONED = BUSY = "site-17"
"""The cluster that the guide gives a time zone, and that is busy for long then."""
NEAR, SAME_SITE = "site-18", "site-117"
"""The neighbours of that one: by name, and by the label of the site."""
NEVER = (("site-17", "site-18"), ("site-40", "site-41", "site-42"))
FROM, UNTIL = 1, 5
"""The hours of the guide's window."""
SPEED = 100.0
"""Seconds of the controller's clock in one of the machine at night: as much faster the clusters
are."""
_OPENS = """SELECT count(*) FILTER (WHERE reason->>'until' IS NULL) AS others,
min((reason->>'until')::timestamptz) AS opens FROM members WHERE step = 1 AND state = 'waiting'"""
_AT_REST = "SELECT count(*) AS count FROM steps WHERE index = 1 AND stopped_since IS NOT NULL"


def site_of(cluster: str) -> str:
    """Returns the site: clusters whose numbers differ by a hundred are neighbours."""
    return f"s{_number(cluster) % 100}"


def zone_of(cluster: str) -> ZoneInfo:
    return NEW_YORK if _number(cluster) % 4 == 3 else BERLIN


def _number(cluster: str) -> int:
    return int(cluster.split("-")[1])


def by_day(now: datetime) -> datetime:
    """Returns noon in Berlin of the next workday that a workday follows: no window is open, and
    the next ones open in the night."""
    noon = now.astimezone(BERLIN).replace(hour=12, minute=0, second=0, microsecond=0)
    while noon < now or noon.isoweekday() > 4:
        noon += timedelta(days=1)
    return noon.astimezone(UTC)


def at_night(at: datetime, cluster: str) -> bool:
    local = at.astimezone(zone_of(cluster))
    return local.isoweekday() <= 5 and FROM <= local.hour < UNTIL


async def night(stage: Stage) -> None:
    """Prep is done by day; then each cluster is upgraded in a night of its own time zone."""
    looks = stage.looks
    stage.clock.skip_to(by_day(stage.clock.now()))
    await stage.begin(
        POLICY,
        labels=["network=ran"],
        durations=_durations(stage.clusters),
        scale=1 / SPEED,
        faults=[f"frozen-feedback/Upgrade@{BUSY}"],
    )
    for name in stage.names:
        await stage.label(name, {SITE: site_of(name), **_zoned(name)})
    most = max(4, stage.clusters // 20)
    await stage.rollout(step("Prep", most=50), step("Upgrade", most=most, timeout=2000))
    await stage.ended(stage.clusters, step=0)
    stage.prove("all are prepared by day", not await runs_of(stage.scene, "Upgrade"))
    opens = _opening(stage.clock.now())
    words = f"the policy's window opens at {opens:%H:%M %Z on {opens.day} %B %Y}"
    await stage.waits("the policy's window opens at", stage.clusters - 1)
    await looks.rollout("by-day", NAMESPACE, ROLLOUT, words)
    await looks.cluster("by-day", NAMESPACE, ROLLOUT, NEAR, words)
    await looks.policy("by-day", POLICY, "in the time zone of each cluster")
    await looks.cluster("no-zone", NAMESPACE, ROLLOUT, UNZONED, TIME_ZONE)
    zoned = stage.clock.now()
    await stage.types("admin", "oc label managedcluster site-17")
    await stage.waits("the policy's window opens at", stage.clusters)
    stage.clock.skip_to(opens - BEFORE)
    await _neighbours(stage)
    await _nights(stage)
    summary = await stage.completed()
    stage.prove("all are upgraded", summary["succeeded"] == stage.clusters, summary)
    await _judge(stage, zoned)


def _durations(clusters: int) -> str:
    """Returns the minutes that an Upgrade takes: those of the field, or fewer where few clusters
    are to show the same soon."""
    least = max(1, clusters // 13)
    return f"{least}m-{2 * least}m"


def _zoned(cluster: str) -> dict[str, str]:
    zone = zone_of(cluster).key.replace("/", ".")
    return {} if cluster == UNZONED else {TIME_ZONE: zone}


def _opening(now: datetime) -> datetime:
    """Returns when the next night begins in Berlin."""
    return now.astimezone(BERLIN).replace(hour=FROM, minute=0, second=0) + timedelta(days=1)


async def _nights(stage: Stage) -> None:
    """Lets nights pass until the end, and leaves the days out."""
    stage.clock.speed = SPEED

    async def over() -> bool:
        await _leave_the_day_out(stage)
        return (await stage.status()).get("phase") in COMPLETED

    await stage.until(over, "the nights to pass")
    stage.clock.speed = 1


async def _leave_the_day_out(stage: Stage) -> None:
    """Skips to the next window once only windows keep all that is left."""
    [found] = await stage.scene.journal(_OPENS)
    [stands] = await stage.scene.journal(_AT_REST)
    opens = found["opens"]
    if not stands["count"] or found["others"] or opens is None:
        return
    if opens - stage.clock.now() > SPEED * BEFORE:
        stage.clock.skip_to(opens - SPEED * BEFORE)


async def _neighbours(stage: Stage) -> None:
    """Looks at the neighbours of a cluster whose Upgrade is under way, and stays so."""
    looks = stage.looks
    full = f"the policy allows 1 cluster in flight at once with {SITE}={site_of(BUSY)}"
    together = f"the policy never lets it be in flight with {BUSY}, and one of them is"
    await stage.waits(together)
    await looks.cluster("neighbour", NAMESPACE, ROLLOUT, NEAR, together)
    await looks.cluster("same-site", NAMESPACE, ROLLOUT, SAME_SITE, full)
    await looks.rollout("at-night", NAMESPACE, ROLLOUT, f"{POLICY}: the policy")
    await looks.policy("at-night", POLICY, f"Only one of {BUSY}, {NEAR}")
    stage.scene.freeze(BUSY, False)


async def _judge(stage: Stage, zoned: datetime) -> None:
    upgrades = await runs_of(stage.scene, "Upgrade")
    outside = [run for run in upgrades if not at_night(run.begun, run.cluster)]
    nights = {run.begun.astimezone(zone_of(run.cluster)).date() for run in upgrades}
    took = "1 night" if len(nights) == 1 else f"{len(nights)} nights"
    words = f"each began between 01:00 and 05:00 of its own clock, in {took}"
    stage.prove(words, not outside, outside)
    [without] = [run for run in upgrades if run.cluster == UNZONED]
    stage.prove("the one without a time zone waited for it", without.begun > zoned, without)
    assert stage.scene.player is not None
    spans = spans_of(stage.scene.player)
    sites = grouped({name: site_of(name) for name in stage.names})
    pairs = met([span for span in spans if span.stage == "Upgrade"], [*sites, *NEVER])
    stage.prove("no neighbours were upgraded together", not pairs, pairs)
