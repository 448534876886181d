"""Draws rollouts that want the same places of several RolloutPolicies, what becomes of the policies
meanwhile, and what people grant the rollouts (R50)."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from msgspec import Struct

from ibgu.core.plan.grants import POLICY as ADMISSION
from ibgu.hub import paths
from tests.simulation.faults import Fault, theme
from tests.simulation.loop import BEGINNING

Object = dict[str, Any]

NETWORK, APART, URGENT = "network", "apart", "urgent"
CAREFUL, APPROVING = "careful", "approving"
"""The names of policies."""
AUTHOR, OTHERS = "ada", ("ben", "cleo")
"""The author of all steps, and who else may approve."""
NONSENSE = "at night"
"""The cron expression of a policy that can't be followed."""
TIER = {"matchLabels": {"tier": URGENT}}
CONTENDED = ("everything", "leaders", "outage", "people")
"""Themes of which a quarter of the other seeds has contention."""
_FIRST = 20.0
"""Virtual seconds before the first rollout: its author can be proven then."""
_OWN_GATES = ["failure-budget", "seed-circuit-breaker", "rollout-hold", f"RolloutPolicy/{CAREFUL}"]
"""Gates of the engine, which no BreakGlass opens."""


class Change(Struct, frozen=True):
    """Change is what somebody writes to the hub, in virtual seconds; up to 0: before all else."""

    at: float
    collection: str
    name: str
    body: Object = {}
    """Empty: the object is deleted. Without its kind: a patch."""


class Contention(Struct, frozen=True):
    """Contention is what becomes of the policies, and what people grant."""

    changes: tuple[Change, ...] = ()
    careful: Object = {}
    """The spec of the policy with a failure budget, which stays as it is; empty: there is none."""
    silent: tuple[Fault, ...] = ()
    """Clusters that do not answer for a while."""


def contends(seed: int) -> bool:
    """Returns whether rollouts want the same places of several policies, by a separate draw that
    leaves the rest of the seed unchanged."""
    return theme(seed).name in CONTENDED and Random(f"{seed}/contention").random() < 0.25


def rollouts(rng: Random, clusters: int, shapes: Sequence[Sequence[Sequence[str]]]) -> list[Any]:
    """Returns rollouts with their times. Each has clusters of its own: what they share are
    places."""
    names = [f"site-{number}" for number in range(1, clusters + 1)]
    rng.shuffle(names)
    count = rng.choice((2, 2, 3))
    return [
        (_FIRST + rng.uniform(0.0, 200.0), _rollout(rng, number, names[number::count], shapes))
        for number in range(count)
    ]


def _rollout(
    rng: Random, number: int, clusters: list[str], shapes: Sequence[Sequence[Sequence[str]]]
) -> Object:
    marks = {} if rng.random() < 0.3 else dict.fromkeys(map(_author, range(3)), AUTHOR)
    if rng.random() < 0.25:
        marks["ibgu.dev/start-jitter"] = rng.choice(("20s", "3m"))
    strategy = {"maxConcurrency": rng.choice((1, 2, 4)), "timeout": 60}
    plan = [
        {"actions": [str(action) for action in actions], "rolloutStrategy": strategy}
        for actions in rng.choice(shapes)
    ]
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {
            "name": f"rollout-{number}",
            "namespace": "default",
            "labels": {"tier": rng.choice((URGENT, "plain"))},
            "annotations": marks,
        },
        "spec": {
            "clusterLabelSelectors": [{"matchLabels": {"name": each}} for each in clusters],
            "ibuSpec": {"seedImageRef": {"image": "quay.io/seed:4.17.0", "version": "4.17.0"}},
            "plan": plan,
        },
    }


def _author(step: int) -> str:
    return f"ibgu.dev/step-{step + 1}-author"


# -- policies --------------------------------------------------------------------------------------


def contention(rng: Random, started: Sequence[tuple[float, Object]], clusters: int) -> Contention:
    """`started`: the rollouts, and when each is applied."""
    changes = [*_admission(), *_network(rng)]
    if rng.random() < 0.7:
        changes += _apart(rng)
    if rng.random() < 0.6:
        spec: Object = {"inFlight": 2, "rollouts": {"selector": TIER}}
        changes.append(_policy(rng.choice((0.0, rng.uniform(60.0, 900.0))), URGENT, spec))
    careful: Object = {}
    if rng.random() < 0.3:
        budget = {"maximum": 0, "per": rng.choice(("Step", "Rollout"))}
        careful = {"failureBudget": budget}
        changes.append(_policy(0.0, CAREFUL, careful))
    if rng.random() < 0.6:
        changes += _approving(rng, started)
    changes += _broken_glass(rng, started, own=bool(careful))
    changes += _pause(rng, started)
    in_order = tuple(sorted(changes, key=lambda change: change.at))
    return Contention(in_order, careful, tuple(_silent(rng, clusters)))


def _pause(rng: Random, started: Sequence[tuple[float, Object]]) -> Iterator[Change]:
    """Yields that somebody pauses a rollout for a while."""
    if rng.random() < 0.3:
        at, rollout = rng.choice(started)
        where, name = paths.rollout_objects(rollout["kind"], "default"), rollout["metadata"]["name"]
        begin = at + rng.uniform(5.0, 600.0)
        for when, value in ((begin, "yes"), (begin + rng.uniform(100.0, 900.0), None)):
            patch = {"metadata": {"annotations": {"ibgu.dev/pause": value}}}
            yield Change(when, where, name, patch)


def _silent(rng: Random, clusters: int) -> Iterator[Fault]:
    for _ in range(rng.choice((0, 0, 2, 4))):
        at, seconds = rng.uniform(20.0, 600.0), rng.uniform(200.0, 900.0)
        yield Fault(at, "feedback-frozen", seconds, cluster=rng.randrange(clusters))


def _policy(at: float, name: str, spec: Object) -> Change:
    body: Object = {}
    if spec:
        body = {"apiVersion": "ibgu.dev/v1alpha1", "kind": "RolloutPolicy", "spec": spec}
        body["metadata"] = {"name": name}
    return Change(at, paths.ROLLOUT_POLICIES, name, body)


def _network(rng: Random) -> Iterator[Change]:
    """Yields the policy that all rollouts share, and what becomes of it."""
    spec: Object = {"inFlight": rng.choice((1, 2))}
    if rng.random() < 0.4:
        spec["neverTogether"] = [{"clusters": ["site-1", "site-2"]}]
    if rng.random() < 0.3:
        spec["actions"] = ["Upgrade"]
    yield _policy(0.0, NETWORK, spec)
    at = rng.uniform(200.0, 1200.0)
    match rng.choice(("stays", "edited", "deleted", "invalid")):
        case "edited":
            yield _policy(at, NETWORK, {**spec, "inFlight": 3 - spec["inFlight"]})
        case "deleted":
            yield _policy(at, NETWORK, {})
            yield _policy(at + rng.uniform(60.0, 600.0), NETWORK, spec)
        case "invalid":
            window = {"cron": NONSENSE, "durationMinutes": 60}
            yield _policy(at, NETWORK, {**spec, "windows": [window]})
            yield _policy(at + rng.uniform(60.0, 600.0), NETWORK, spec)


def _apart(rng: Random) -> Iterator[Change]:
    """Yields a second policy, which is the stricter one here and there."""
    frozen = [{"from": _moment(-60.0), "until": _moment(rng.uniform(200.0, 900.0))}]
    group = [{"clusters": ["site-1", "site-2", "site-3"]}]
    spec = rng.choice(
        ({"inFlight": 1}, {"neverTogether": group}, {"inFlight": 2, "freezes": frozen})
    )
    yield _policy(rng.choice((0.0, 0.0, rng.uniform(100.0, 900.0))), APART, spec)
    if rng.random() < 0.3:
        yield _policy(rng.uniform(900.0, 1800.0), APART, {})


# -- grants ----------------------------------------------------------------------------------------


def _admission() -> Iterator[Change]:
    """Yields what proves who has written a grant."""
    spec = {"policyName": ADMISSION, "validationActions": ["Deny"]}
    for path, kind in (
        (paths.POLICIES, "ValidatingAdmissionPolicy"),
        (paths.POLICY_BINDINGS, "ValidatingAdmissionPolicyBinding"),
    ):
        body = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "spec": spec}
        yield Change(0.0, path, ADMISSION, {**body, "metadata": {"name": ADMISSION}})


def _approving(rng: Random, started: Sequence[tuple[float, Object]]) -> Iterator[Change]:
    """Yields a policy that asks for approval for a while, and who approves what when."""
    before = rng.choice(("Step", "Action", "Rest"))
    approval = {"before": before, "approvers": rng.choice((1, 1, 2)), "fourEyes": True}
    spec: Object = {"approval": approval, "actions": rng.choice((["Upgrade"], ["Prep"]))}
    if before == "Rest":
        spec["canaries"] = {"count": 1, "soakMinutes": 1}
    yield _policy(0.0, APPROVING, spec)
    yield _policy(rng.uniform(1200.0, 2400.0), APPROVING, {})
    for at, rollout in started:
        for number, step in enumerate(rollout["spec"]["plan"], start=1):
            if wanted := [each for each in step["actions"] if each in spec["actions"]]:
                point = wanted[0] if before == "Action" else before
                yield from _approvals(rng, at, rollout["metadata"]["name"], number, point)


def _approvals(rng: Random, at: float, rollout: str, step: int, point: str) -> Iterator[Change]:
    """Yields who approves one point: the author, too, some before the rollout is there, some for a
    while only."""
    for user in (AUTHOR, *OTHERS):
        if rng.random() < 0.4:
            continue
        when = rng.choice((at - rng.uniform(3.0, 15.0), at + rng.uniform(5.0, 900.0)))
        name = f"{rollout}-{step}-{user}"
        spec = {"rollout": {"name": rollout}, "step": step, "before": point, "user": user}
        if rng.random() < 0.3:
            spec["until"] = _moment(when + rng.uniform(60.0, 600.0))
        yield _grant(when, "RolloutApproval", name, spec)
        if rng.random() < 0.3:
            yield Change(when + rng.uniform(60.0, 600.0), _APPROVALS, name)


def _broken_glass(
    rng: Random, started: Iterable[tuple[float, Object]], *, own: bool
) -> Iterator[Change]:
    """`own`: the glass names gates of the engine, which it does not open."""
    for at, rollout in started:
        if rng.random() < 0.5:
            continue
        name, when = rollout["metadata"]["name"], at + rng.uniform(5.0, 900.0)
        policies = rng.choice(((NETWORK,), (APART,), (APPROVING,), (NETWORK, APART)))
        gates = [f"RolloutPolicy/{each}" for each in policies]
        spec = {
            "rollout": {"name": name},
            "gates": _OWN_GATES if own else gates,
            "user": OTHERS[0],
            "reason": "INC-7",
            "until": _moment(when + rng.uniform(60.0, 900.0)),
        }
        yield _grant(when, "BreakGlass", f"{name}-glass", spec)
        if rng.random() < 0.3:
            yield Change(when + rng.uniform(30.0, 600.0), _GLASSES, f"{name}-glass")


_APPROVALS = paths.rollout_approvals("default")
_GLASSES = paths.break_glasses("default")


def _grant(at: float, kind: str, name: str, spec: Object) -> Change:
    body = {"apiVersion": "ibgu.dev/v1alpha1", "kind": kind, "spec": spec}
    metadata = {"name": name, "namespace": "default"}
    where = _GLASSES if kind == "BreakGlass" else _APPROVALS
    return Change(at, where, name, {**body, "metadata": metadata})


def _moment(at: float) -> str:
    return datetime.fromtimestamp(BEGINNING + at, UTC).isoformat()
