"""Draws the fleets and IBGUs of one simulation from its seed."""

from datetime import UTC, datetime
from random import Random
from typing import Any

from msgspec import Struct, structs

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import names
from ibgu.sim.faults import parse_defect, parse_fault
from ibgu.sim.spec import FleetSpec
from tests.simulation import canary_breaks, contention, failed_preps, networks, updates
from tests.simulation.canary_breaks import CanaryBreaks
from tests.simulation.contention import Contention
from tests.simulation.failed_preps import FailedPreps
from tests.simulation.faults import ALL, CALM, bounded, enforces, theme
from tests.simulation.kinds import UPGRADE, SimulatedKind
from tests.simulation.loop import BEGINNING

Object = dict[str, Any]

SEEDS = ("4.17.0", "4.18.1")
TROUBLES = (
    "prep.precache=0.2",
    "prep.stateroot=0.2",
    "upgrade.backup=0.2",
    "upgrade.init-monitor=0.2",
    "upgrade.recert=0.2",
    "upgrade.restore=0.2",
    "rollback.stateroot=0.3",
    "idle.backups*1=0.3",
    "late-success:30m=0.2",
    "returns-late:20m=0.2",
    "never-returns=0.15",
    "hangs=0.15",
    "blocked:5m=0.3",
    "busy:3m=0.3",
    "hand=0.2",
)
"""Faults of the clusters themselves, each on a share of the fleet."""

OLDER = 0.25
"""Share of hubs from before feedback by watch."""
POLL = 60.0
"""Seconds between two polls of their agents, up to 1.9 times as many, at any scale."""


def _payload(kind: str, name: str, value: str, key: str = "content") -> Object:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": {key: value}}


PAYLOADS = (
    _payload("ConfigMap", "extra-manifests", "a manifest"),
    _payload("ConfigMap", "oadp-content", "a backup"),
    _payload("Secret", "pull-secret", "e30=", ".dockerconfigjson"),
)
"""What the IBGUs of that theme name."""
_CARRIED = {
    "extraManifests": [{"name": "extra-manifests", "namespace": "default"}],
    "oadpContent": [{"name": "oadp-content", "namespace": "default"}],
}


class Scenario(Struct, frozen=True):
    fleet: FleetSpec
    ibgus: tuple[tuple[float, Object], ...]
    """When each is applied, in virtual seconds."""
    nodes: int
    talm: bool = False
    """The hub knows TALM's kinds."""
    watched: bool = True
    """The hub's works may ask for feedback by watch; else all agents poll, and are refreshed."""
    payloads: bool = False
    """The IBGUs name ConfigMaps and a pull secret."""
    starts_per_minute: int = 0
    """The setting of all nodes."""
    seed_limit: int = 0
    """The failures with one cause at which the seed image's circuit breaker engages; 0: it has
    none."""
    policy: Object = {}
    """The spec of the hub's RolloutPolicy; empty: there is none."""
    demands_begin: float = 0.0
    """When the policy begins to demand anything, in virtual seconds: until then it lets nothing
    start; 0: at once."""
    zone: str = "Europe/Berlin"
    """The time zone of all clusters, if the policy has windows."""
    held_clusters: tuple[tuple[int, float, float], ...] = ()
    """The numbers of clusters that somebody holds, and from when to when, in virtual seconds."""
    moved_clusters: tuple[tuple[float, int, str], ...] = ()
    """The virtual seconds when somebody moves a cluster, by its number, to another place."""
    policy_ends: float = 0.0
    """When the policy is deleted, in virtual seconds; 0: never."""
    contention: Contention = Contention()
    """What becomes of several policies, if rollouts want the same places of them."""
    canaries: CanaryBreaks = CanaryBreaks()
    """What becomes of canaries that break, and of what rolls them back."""
    failed_preps: FailedPreps = FailedPreps()
    """What becomes of Preps that fail, and of what has them tried again."""
    upgrade_backups: bool = False
    """IBGUs ask for a backup of each cluster before its Upgrade."""
    kind: SimulatedKind = UPGRADE
    tenancy: bool = False
    """The IBGUs' namespace may take only clusters of sets that are bound to it."""


def scenario(seed: int, kind: SimulatedKind = UPGRADE) -> Scenario:
    found = structs.replace(_scenario(seed, kind), tenancy=bounded(seed), kind=kind)
    if kind.updates is not None and Random(f"{seed}/backups").random() < BACKED_UP:
        found = backed_up(found, Random(f"{seed}/backups before Upgrade"))
    if Random(f"{seed}/older").random() >= OLDER:
        return found
    interval = POLL / found.fleet.scale
    agent = structs.replace(found.fleet.agent, poll=(interval, interval * 1.9))
    return structs.replace(found, watched=False, fleet=structs.replace(found.fleet, agent=agent))


BACKED_UP = 0.5
"""Share of fleets whose clusters run Jobs in which IBGUs ask for backups before Upgrade."""


def backed_up(plan: Scenario, rng: Random) -> Scenario:
    """Returns the scenario with a backup before each Upgrade of an IBGU."""

    def asking(ibgu: Object) -> Object:
        wanted = {
            names.BACKUP: rng.choice(("Etcd", "Full")),
            names.BACKUP_IMAGE: updates.image("e"),
            names.BACKUP_MAX_AGE: rng.choice(("30", "240")),
        }
        return _with(ibgu, wanted) if _is_ibgu(ibgu) else ibgu

    ibgus = tuple((at, asking(ibgu)) for at, ibgu in plan.ibgus)
    return structs.replace(plan, ibgus=ibgus, upgrade_backups=True)


def _scenario(seed: int, kind: SimulatedKind) -> Scenario:
    rng = Random(f"{seed}/scenario")
    told = theme(seed)
    if told is CALM:
        fleet = _fleet(rng, seed, kind, fast=True, troubles=0)
        body = _rollout(rng, seed, kind, 0, 120)
        return Scenario(fleet, ((5.0, body),), 1)  # no share is too short
    fast = told is not ALL or rng.random() < 0.7
    fleet = _fleet(rng, seed, kind, fast, rng.choice((0, 1, 2, 3)))
    timeout = (
        20 if told.name == "outage" else rng.choice((20, 40)) if fast else rng.choice((60, 120))
    )
    ibgus = [(5.0, _rollout(rng, seed, kind, 0, timeout))]
    more = range(1, rng.choice((1, 1, 2, 2, 3)))
    ibgus += [
        (rng.uniform(10.0, 1500.0), _rollout(rng, seed, kind, number, timeout)) for number in more
    ]
    nodes = 2 if told.name == "leaders" else rng.choice((1, 2))
    carries = told.name == "payloads"
    if carries:
        ibgus = [(at, _carrying(ibgu, rng.choice((1, 1, 2)))) for at, ibgu in ibgus]
    plan = Scenario(fleet, tuple(ibgus), nodes, payloads=carries)
    if told.name in RATE_LIMITED:
        plan = rate_limited(plan, Random(f"{seed}/pace"))
    if stops_seeds(seed):
        plan = stopping(plan, Random(f"{seed}/seed images"))
    if has_policy(seed):
        plan = demanding(under_policy(plan, Random(f"{seed}/policy")), Random(f"{seed}/demands"))
        plan = flawed(plan, Random(f"{seed}/flaws"))
        plan = networked(plan, Random(f"{seed}/networks"))
        if not plan.demands_begin:  # What begins late has to find clusters that still wait.
            plan = about_some(fitting(plan, Random(f"{seed}/fit")), Random(f"{seed}/selection"))
        plan = by_places(plan, Random(f"{seed}/places"))
    elif kind is UPGRADE and not plan.starts_per_minute and contention.contends(seed):
        plan = contending(plan, Random(f"{seed}/contending"))
    elif kind is UPGRADE and _may_break_canaries(plan, seed):
        plan = breaking_canaries(plan, Random(f"{seed}/breaking canaries"))
        drawn = canary_breaks.proven_otherwise(plan.canaries, Random(f"{seed}/proof of health"))
        return structs.replace(plan, canaries=drawn)
    elif kind is UPGRADE and _may_fail_preps(plan, seed):
        return failing_preps(plan, Random(f"{seed}/failing preps"))
    return enforcing(plan, Random(f"{seed}/preflight")) if enforces(seed) else plan


RATE_LIMITED = ("everything", "leaders", "outage", "people")
"""Themes of which a third of the seeds has rate limits."""


def rate_limited(plan: Scenario, rng: Random) -> Scenario:
    """Returns the scenario with rate limits, by separate draws that leave the rest of the seed
    unchanged."""
    if rng.random() > 0.33:
        return plan
    ibgus = tuple((at, _annotated(ibgu, rng)) for at, ibgu in plan.ibgus)
    return structs.replace(plan, ibgus=ibgus, starts_per_minute=rng.choice((0, 0, 1, 3)))


def enforcing(plan: Scenario, rng: Random) -> Scenario:
    """Returns the scenario with an enforced preflight and clusters at fault."""
    defects = (parse_defect(f"topology-wrong={rng.choice((0.2, 0.5))}"),)
    fleet = structs.replace(plan.fleet, defects=defects, version="4.16.3")
    mark = {"ibgu.dev/preflight": "enforce"}
    ibgus = tuple((at, _with(ibgu, mark) if _is_ibgu(ibgu) else ibgu) for at, ibgu in plan.ibgus)
    return structs.replace(plan, fleet=fleet, ibgus=ibgus)


POLICED = ("everything", "leaders", "outage", "people")
"""Themes of which a quarter of the seeds has a RolloutPolicy."""


def has_policy(seed: int) -> bool:
    """Returns whether the hub has a RolloutPolicy, by a separate draw that leaves the rest of the
    seed unchanged."""
    return theme(seed).name in POLICED and Random(f"{seed}/policies").random() < 0.25


def under_policy(plan: Scenario, rng: Random) -> Scenario:
    """Returns the scenario with a policy that limits what is in flight, and may freeze the first
    minutes, have a canary, and hold after failures."""
    spec: Object = {"inFlight": rng.choice((1, 2, 3))}
    if rng.random() < 0.5:
        spec["neverTogether"] = [{"clusters": ["site-1", "site-2"]}]
    if rng.random() < 0.3:
        spec["actions"] = ["Upgrade", "Update"]
    if rng.random() < 0.3:
        moments = BEGINNING - 60.0, BEGINNING + rng.uniform(300.0, 1200.0)
        begin, end = (datetime.fromtimestamp(at, UTC).isoformat() for at in moments)
        spec["freezes"] = [{"from": begin, "until": end}]
    ends = rng.choice((0.0, rng.uniform(600.0, 2400.0)))
    fleet = plan.fleet
    if rng.random() < 0.5:
        budget = {"maximum": rng.choice((0, 0, 1, 2)), "per": rng.choice(("Step", "Rollout"))}
        spec["failureBudget"] = budget
        failing = parse_fault(f"prep.precache={rng.choice((0.3, 0.6))}")
        fleet = structs.replace(fleet, faults=(*fleet.faults, failing))
    if rng.random() < 0.5:
        first = {"matchLabels": {"name": f"site-{rng.choice((1, 2))}"}}
        chosen: Object = {"selector": first, "soakMinutes": rng.choice((1, 5))}
        if rng.random() < 0.5:
            # The certifier knows such canaries: no label decides on them.
            chosen = {"count": 1, "soakMinutes": chosen["soakMinutes"]}
        spec["canaries"] = chosen
    return structs.replace(plan, fleet=fleet, policy=spec, policy_ends=ends)


def demanding(plan: Scenario, rng: Random) -> Scenario:
    """Returns the scenario with a policy that may demand more than annotations ask for, by separate
    draws that leave the rest of the seed unchanged. A backup that IBGUs don't ask for is demanded
    for a while only."""
    demands: Object = {}
    if rng.random() < 0.3:
        demands["preflight"] = "Enforce"
    if rng.random() < 0.3:
        demands["warnings"] = "Hold"
    if rng.random() < 0.5 and plan.policy_ends:
        demands["backup"] = "Required"
    return structs.replace(plan, policy={**plan.policy, **demands})


def flawed(plan: Scenario, rng: Random) -> Scenario:
    """Returns the scenario with clusters that a policy's demands may keep, by separate draws that
    leave the rest of the seed unchanged: preflight finds an error of some, and some warn."""
    fleet = plan.fleet
    if "preflight" in plan.policy and rng.random() < 0.7:
        defects = (parse_defect(f"topology-wrong={rng.choice((0.2, 0.5))}"),)
        fleet = structs.replace(fleet, defects=defects, version="4.16.3")
    if "warnings" in plan.policy and rng.random() < 0.7:
        warns = parse_fault(f"validation-warning={rng.choice((0.4, 0.8))}")
        fleet = structs.replace(fleet, faults=(*fleet.faults, warns))
    begin = rng.uniform(60.0, 500.0) if "preflight" in plan.policy and rng.random() < 0.3 else 0.0
    return structs.replace(plan, fleet=fleet, demands_begin=begin)


def networked(plan: Scenario, rng: Random) -> Scenario:
    """Returns the scenario with more of what one policy may say, by separate draws that leave the
    rest of the seed unchanged."""
    spec, fleet = {**plan.policy}, plan.fleet
    zone, held = rng.choice(networks.ZONES), plan.held_clusters
    if rng.random() < 0.3:
        spec["windows"] = [networks.hourly(rng)]
        fleet = structs.replace(fleet, labels={**fleet.labels, **networks.labelled(zone)})
    if rng.random() < 0.3:
        spec |= {"inFlight": 4, "perTopology": [{"label": networks.PLACE, "maximum": 1}]}
        fleet = structs.replace(fleet, labels={**fleet.labels, networks.PLACE: networks.SOMEWHERE})
    if rng.random() < 0.3:
        held = networks.held_clusters(rng, fleet.count)
    breaks = bool(plan.seed_limit) and "actions" not in spec and not plan.policy_ends
    if breaks and rng.random() < 0.6:
        spec["breaker"] = {"sameCause": plan.seed_limit, "windowMinutes": 10080}
    return structs.replace(plan, fleet=fleet, policy=spec, zone=zone, held_clusters=held)


def fitting(plan: Scenario, rng: Random) -> Scenario:
    """Returns the scenario with a policy that may start only what ends within its window."""
    if rng.random() >= 0.25 or not all(_is_ibgu(ibgu) for _, ibgu in plan.ibgus):
        return plan
    return structs.replace(
        plan, policy={**plan.policy, "windows": [networks.two_hourly(rng)], "fit": True}
    )


def by_places(plan: Scenario, rng: Random) -> Scenario:
    """Returns the scenario with clusters that somebody moves while others wait for their place, or
    with a policy that limits a share of the clusters."""
    moves, share = rng.random() < 0.7, rng.random() < 0.25
    if "perTopology" in plan.policy:
        moved = networks.moved_clusters(rng, plan.fleet.count) if moves else ()
        return structs.replace(plan, moved_clusters=moved)
    if not share:
        return plan
    return structs.replace(plan, policy={**plan.policy, "inFlight": rng.choice(networks.SHARES)})


def about_some(plan: Scenario, rng: Random) -> Scenario:
    """Returns the scenario with a policy that may be about some of the clusters only."""
    if rng.random() >= 0.3 or "breaker" in plan.policy:
        return plan
    return structs.replace(plan, policy={**plan.policy, "clusters": networks.about_some(rng)})


def contending(plan: Scenario, rng: Random) -> Scenario:
    """Returns the scenario with rollouts that want the same places of several policies, instead of
    its own."""
    fleet = structs.replace(plan.fleet, count=rng.randint(4, 8))
    table = plan.kind.drivers[names.IBGU].actions
    shapes = [shape for shape in table.plans if shape[0][0] == table.start and len(shape) < 3]
    started = contention.rollouts(rng, fleet.count, shapes)
    found = contention.contention(rng, started, fleet.count)
    if found.careful:
        failing = parse_fault(f"prep.precache={rng.choice((0.3, 0.6))}")
        fleet = structs.replace(fleet, faults=(*fleet.faults, failing))
    return structs.replace(plan, fleet=fleet, ibgus=tuple(started), contention=found)


def _may_break_canaries(plan: Scenario, seed: int) -> bool:
    """Returns whether canaries break: one of what makes a seed's rollouts other ones is enough."""
    other = plan.starts_per_minute or plan.seed_limit or enforces(seed)
    return not other and canary_breaks.breaks_canaries(seed)


def breaking_canaries(plan: Scenario, rng: Random) -> Scenario:
    """Returns the scenario with canaries that may break once they are upgraded, instead of its own
    rollouts."""
    trouble = map(parse_fault, rng.sample(TROUBLES, rng.choice((0, 0, 1))))
    fleet = structs.replace(plan.fleet, count=rng.randint(3, 6), faults=tuple(trouble))
    table = plan.kind.drivers[names.IBGU].actions
    shapes = [
        shape
        for shape in table.plans
        if shape[0][0] == table.start and any(Action.UPGRADE in actions for actions in shape)
    ]
    started = canary_breaks.rollouts(rng, fleet.count, shapes)
    found = canary_breaks.canary_breaks(rng, fleet.count)
    return structs.replace(plan, fleet=fleet, ibgus=tuple(started), canaries=found)


def _may_fail_preps(plan: Scenario, seed: int) -> bool:
    other = plan.starts_per_minute or plan.seed_limit or enforces(seed)
    return not other and failed_preps.fails_preps(seed)


def failing_preps(plan: Scenario, rng: Random) -> Scenario:
    """Returns the scenario with Preps that fail and may be tried again, instead of its own
    rollouts."""
    trouble = map(parse_fault, failed_preps.faults(rng))
    fleet = structs.replace(plan.fleet, count=rng.randint(3, 6), faults=tuple(trouble))
    found = failed_preps.failed_preps(rng)
    asked = ((5.0, failed_preps.rollout(rng)),)
    return structs.replace(plan, fleet=fleet, ibgus=asked, failed_preps=found)


STOPPED = ("everything", "leaders", "people")
"""Themes of which a fifth of the seeds has a circuit breaker for the seed image."""
DIGEST = f"sha256:{'5e' * 32}"
SEED_IMAGE: Object = {
    "apiVersion": "ibgu.dev/v1alpha1",
    "kind": "SeedImage",
    "metadata": {"name": "seed"},
    "spec": {"image": f"quay.io/seed@{DIGEST}", "release": SEEDS[0]},
}


def stops_seeds(seed: int) -> bool:
    """Returns whether the seed image has a circuit breaker, by a separate draw that leaves the rest
    of the seed unchanged."""
    return theme(seed).name in STOPPED and Random(f"{seed}/seeds").random() < 0.2


def stopping(plan: Scenario, rng: Random) -> Scenario:
    """Returns the scenario with a seed image that fails here and there, pulled from a mirror by
    every other rollout."""
    faults = [f"upgrade.init-monitor={rng.choice((0.4, 0.7))}"]
    fleet = structs.replace(plan.fleet, faults=(*plan.fleet.faults, *map(parse_fault, faults)))
    hosts = ("quay.io", "mirror.example.com")
    ibgus = tuple(
        (at, _of_image(ibgu, f"{hosts[n % 2]}/seed@{DIGEST}") if _is_ibgu(ibgu) else ibgu)
        for n, (at, ibgu) in enumerate(plan.ibgus)
    )
    return structs.replace(plan, fleet=fleet, ibgus=ibgus, seed_limit=rng.choice((1, 2)))


def _of_image(ibgu: Object, image: str) -> Object:
    spec = ibgu["spec"]
    seed = {**spec["ibuSpec"]["seedImageRef"], "image": image, "version": SEEDS[0]}
    return {**ibgu, "spec": {**spec, "ibuSpec": {**spec["ibuSpec"], "seedImageRef": seed}}}


def _annotated(ibgu: Object, rng: Random) -> Object:
    wanted = {
        "ibgu.dev/starts-per-minute": rng.choice((None, "1", "2")),
        "ibgu.dev/ramp-up": rng.choice((None, "true")),
        "ibgu.dev/start-jitter": rng.choice((None, None, "20s", "3m")),
    }
    given = {key: value for key, value in wanted.items() if value is not None}
    return _with(ibgu, given)


def _with(ibgu: Object, annotations: dict[str, str]) -> Object:
    metadata = ibgu["metadata"]
    given = {**metadata.get("annotations", {}), **annotations}
    return {**ibgu, "metadata": {**metadata, "annotations": given}}


def _is_ibgu(body: Object) -> bool:
    return bool(body["kind"] == names.IBGU)


def _carrying(body: Object, most: int) -> Object:
    return carrying(body, most) if _is_ibgu(body) else body


def carrying(ibgu: Object, most: int) -> Object:
    """Returns the IBGU with a payload, few clusters at a time: faults of the objects concern
    waiting ones."""
    spec = ibgu["spec"]
    seed = {**spec["ibuSpec"]["seedImageRef"], "pullSecretRef": {"name": "pull-secret"}}
    plan = [step(each["actions"], most, _timeout(each)) for each in spec["plan"]]
    ibu = {**_CARRIED, "seedImageRef": seed}
    return {**ibgu, "spec": {**spec, "ibuSpec": ibu, "plan": plan}}


def _timeout(told: Object) -> int:
    minutes: int = told["rolloutStrategy"]["timeout"]
    return minutes


def _fleet(rng: Random, seed: int, kind: SimulatedKind, fast: bool, troubles: int) -> FleetSpec:
    known: tuple[str, ...] = TROUBLES if names.IBGU in kind.objects else ()
    known += updates.TROUBLES if kind.updates is not None else ()
    faults = rng.sample(known, troubles)
    spec = FleetSpec.parse(
        count=rng.randint(3, 7),
        pattern="site-%d",
        seed=seed,
        scale=0.25 if fast else 1.0,
        durations="4m-16m" if fast else "field",
        faults=faults,
        labels=("group=all",),
        feedback=rng.choice(("watch", "watch", "poll:30s")),
    )
    if kind.updates is None:
        return spec
    needed = updates.signatures_needed(seed, calm=theme(seed) is CALM)
    told = structs.replace(kind.updates, signatures_needed=needed)
    return structs.replace(spec, updates=told, version=f"4.{updates.minor_of(told)}.3")


def _rollout(rng: Random, seed: int, kind: SimulatedKind, number: int, timeout: int) -> Object:
    if kind.object_of(seed, number) == names.FLEET_UPDATE and kind.updates is not None:
        minor = updates.minor_of(kind.updates)
        hops = Random(f"{seed}/{number}/hops")
        found = updates.fleet_update(rng, number, timeout, minor, calm=theme(seed) is CALM)
        return updates.over_two_minors(hops, found, minor) if hops.random() < 0.4 else found
    return _ibgu(rng, kind, number, timeout)


def _ibgu(rng: Random, kind: SimulatedKind, number: int, timeout: int) -> Object:
    table = kind.drivers[names.IBGU].actions
    if number == 0:
        shapes = [shape for shape in table.plans if shape[0][0] == table.start]
    else:
        shapes = [shape for shape in table.plans if len(shape) < 3]
    shape = rng.choice(shapes)
    most = rng.randint(1, 4)
    plan = [step([*actions], rng.choice((most, 2)), timeout) for actions in shape]
    version = SEEDS[0] if number == 0 or rng.random() < 0.6 else SEEDS[1]
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {"name": f"rollout-{number}", "namespace": "default"},
        "spec": {
            "clusterLabelSelectors": [{"matchLabels": {"group": "all"}}],
            "ibuSpec": {"seedImageRef": {"image": f"quay.io/seed:{version}", "version": version}},
            "plan": plan,
        },
    }


def step(actions: list[str], most: int, timeout: int) -> Object:
    return {
        "actions": [str(action) for action in actions],
        "rolloutStrategy": {"maxConcurrency": most, "timeout": timeout},
    }
