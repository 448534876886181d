"""Draws what goes wrong in one simulation, and when: a list that depends on the seed alone.

Every entry is independent, so that a failing list can be cut down to what the failure needs.
"""

from random import Random

from msgspec import Struct, structs


class Fault(Struct, frozen=True):
    """Fault is one thing that goes wrong.

    `at` and `seconds` are virtual seconds, `at` from the simulation's beginning. `cluster` is the
    number of a cluster, `rollout` of an IBGU, `n` counts (a write, a commit, a line) or chooses (a
    status, a label).
    """

    at: float
    kind: str
    seconds: float = 0.0
    cluster: int = 0
    rollout: int = 0
    n: int = 0

    def __str__(self) -> str:
        parts = [f"{self.at:7.1f} s  {self.kind}"]
        parts += [f"for {self.seconds:.1f} s"] if self.seconds else []
        parts += [f"cluster={self.cluster} rollout={self.rollout} n={self.n}"]
        return "  ".join(parts)


PROCESS = (
    "kill",
    "kill-before-write",
    "kill-after-write",
    "kill-before-commit",
    "kill-after-commit",
    "kill-before-arming",
    "pause",
    "pause-before-write",
    "pause-before-commit",
    "pause-in-transaction",
)
JOURNAL = (
    "journal-away",
    "outage",
    "journal-slow",
    "commit-refused",
    "commit-in-doubt",
    "clock-jump",
)
HUB = (
    "hub-away",
    "hub-slow",
    "hub-throttles",
    "hub-errors",
    "write-refused",
    "write-forbidden",
    "answer-lost",
    "write-lands-late",
)
WATCH = ("watch-late", "watch-repeats", "watch-silent", "watch-cut", "history-forgotten")
CLUSTER = (
    "dark",
    "dark-for-ever",
    "dark-when-armed",
    "flapping",
    "feedback-frozen",
    "finalizer-stuck",
    "stage-by-hand",
    "ibu-deleted",
)
PEOPLE = (
    "work-edited",
    "work-armed-by-hand",
    "work-deleted",
    "work-unlabelled",
    "label-set",
    "label-removed",
    "annotation-removed",
    "status-edited",
    "cluster-deleted",
    "cluster-recreated",
    "cluster-added",
    "step-appended",
    "ibgu-deleted",
    "ibgu-reapplied",
    "skip-waiting",
    "resumed",
)
PAYLOAD = (
    "payload-changed",
    "payload-missing",
    "payload-too-large",
    "payload-forbidden",
    "payload-refused",
)
TENANCY = ("set-unbound",)
CREATION_ENDS = ("kill-before-follow-up", "kill-after-follow-up", "pause-before-follow-up")
"""What ends or stops a controller while it makes a rollout that a policy asks for."""
CREATION_REFUSED = ("follow-up-forbidden", "follow-up-taken")
"""What keeps it from making one."""
PREFLIGHT = ("preflight-mode", "defect-mended")
OTHERS = (
    *("hub-restored", "talm-lives", "label-taken", "kill-in-commit", "cut-in-commit", "own-error"),
    "skip-first",
    *PAYLOAD,
    *TENANCY,
    *PREFLIGHT,
)
"""Restores, other controllers, people, deaths at the worst moment, errors of our own: only where a
theme asks."""
KINDS: tuple[str, ...] = PROCESS + JOURNAL + HUB + WATCH + CLUSTER + PEOPLE

_WEIGHTS = {PROCESS: 6, JOURNAL: 4, HUB: 4, WATCH: 3, CLUSTER: 4, PEOPLE: 4}
LENGTHS = ((1.0, 15.0), (15.0, 200.0), (400.0, 400.0), (1500.0, 1500.0))


class Theme(Struct, frozen=True):
    """Theme is the faults that a seed gets, and how many at most."""

    name: str
    kinds: tuple[str, ...] = ()
    """Drawn from these; empty: from all, by the weight of their groups."""
    most: int = 20
    always: tuple[str, ...] = ()
    """These come on top."""


CALM = Theme("calm", most=0)
ALL = Theme("everything")
THEMES = (
    CALM,
    ALL,
    Theme(
        "leaders",
        (*PROCESS, *PROCESS, *JOURNAL),
        12,
        (
            "pause-before-commit",
            "pause-in-transaction",
            "kill",
            "kill-before-arming",
            "commit-in-doubt",
            "commit-in-doubt",
            "hub-away",
            "kill-in-commit",
            "kill-in-commit",
            "kill-in-commit",
        ),
    ),
    ALL,
    Theme("outage", ("kill", "watch-cut"), 2, ("outage",)),
    Theme(
        "payloads",
        (*PAYLOAD, "kill", "kill-before-arming", "watch-cut", "dark", "resumed"),
        6,
        ("payload-missing", "payload-changed", "kill"),
    ),
    Theme(
        "dark",
        ("dark", "flapping", "finalizer-stuck"),
        4,
        ("dark-when-armed", "dark-when-armed", "dark-when-armed", "dark-for-ever"),
    ),
    Theme(
        "people",
        PEOPLE,
        10,
        ("cluster-recreated", "label-removed", "label-taken", *("cut-in-commit",) * 3),
    ),
    Theme(
        "restored", ("kill", "watch-cut", "dark", "step-appended"), 3, ("hub-restored", "own-error")
    ),
    Theme(
        "talm",
        ("kill", "kill-after-commit", "watch-cut", "dark"),
        4,
        ("talm-lives", "own-error") * 2,
    ),
)


def theme(seed: int) -> Theme:
    return THEMES[seed % len(THEMES)]


def draw(seed: int, *, clusters: int, rollouts: int, until: float) -> list[Fault]:
    """Returns the faults in the order in which they happen."""
    rng, told = Random(f"{seed}/faults"), theme(seed)
    count = rng.randint(1, rng.choice((3, told.most))) if told.most else 0
    kinds = [_kind(rng, told) for _ in range(count)] + list(told.always)
    found = [_one(rng, kind, clusters, rollouts, until) for kind in kinds]
    found += _unbound(Random(f"{seed}/unbound")) if bounded(seed) else ()
    found += _changed_mind(Random(f"{seed}/modes"), rollouts) if enforces(seed) else ()
    return sorted(found, key=lambda fault: fault.at)


BOUNDED = ("everything", "people")
"""Themes of which a third of the seeds has tenancy."""


def bounded(seed: int) -> bool:
    """Returns whether the seed has tenancy, by a separate draw that leaves the rest of the seed
    unchanged."""
    return theme(seed).name in BOUNDED and Random(f"{seed}/sets").random() < 0.33


def _unbound(rng: Random) -> list[Fault]:
    """Returns faults that last longer than a removed binding may count, in the middle of
    rollouts."""
    return [
        Fault(
            at=round(rng.uniform(0.0, 900.0), 1),
            kind="set-unbound",
            seconds=round(rng.uniform(200.0, 1500.0), 1),
            n=rng.randrange(12),
        )
        for _ in range(rng.randint(1, 3))
    ]


def first_skipped(rng: Random, rollouts: int) -> list[Fault]:
    """Returns skips of the first cluster of a step that nobody has begun yet: its canary, if it has
    one."""
    return [
        Fault(
            at=rng.choice((0.0, round(rng.uniform(0.0, 900.0), 1))),
            kind="skip-first",
            seconds=round(rng.uniform(200.0, 1500.0), 1),
            rollout=rng.randrange(rollouts),
        )
        for _ in range(rng.randint(1, 3))
    ]


def _kind(rng: Random, told: Theme) -> str:
    if told.kinds:
        return rng.choice(told.kinds)
    [group] = rng.choices(list(_WEIGHTS), weights=list(_WEIGHTS.values()))
    return rng.choice(group)


def _one(rng: Random, kind: str, clusters: int, rollouts: int, until: float) -> Fault:
    fault = Fault(
        at=round(rng.uniform(2.0, until), 1),
        kind=kind,
        seconds=round(rng.uniform(*rng.choice(LENGTHS)), 1),
        cluster=rng.randrange(clusters),
        rollout=rng.randrange(rollouts),
        n=rng.randrange(12),
    )
    if kind == "outage":  # longer than any limit
        return structs.replace(fault, at=rng.uniform(10.0, 600.0), seconds=3000.0)
    if kind == "hub-restored":  # from its backup to its restore, both while things go wrong
        return structs.replace(fault, at=fault.at / 3, seconds=rng.uniform(30.0, 900.0))
    if kind in PAYLOAD:  # known a minute later, and not back before the next cluster's turn
        return structs.replace(fault, at=rng.uniform(2.0, 400.0), seconds=rng.uniform(60.0, 1500.0))
    if kind in (
        "dark-for-ever",
        "dark-when-armed",
        "kill-before-arming",
        "commit-in-doubt",
        "kill-in-commit",
        "cut-in-commit",
        "pause-in-transaction",
    ):  # while there is still something to do
        return structs.replace(fault, at=round(rng.uniform(2.0, 600.0), 1), n=fault.n % 3)
    return fault


ENFORCING = ("everything", "leaders", "outage", "people")
"""Themes of which a quarter of the seeds enforces preflight."""


def enforces(seed: int) -> bool:
    """Returns whether the seed's IBGUs enforce preflight, by a separate draw that leaves the rest
    of the seed unchanged."""
    return theme(seed).name in ENFORCING and Random(f"{seed}/enforces").random() < 0.25


def _changed_mind(rng: Random, rollouts: int) -> list[Fault]:
    """Returns changes of preflight's mode, and of what it finds, in the middle of rollouts."""
    return [
        Fault(
            at=round(rng.uniform(0.0, 900.0), 1),
            kind=rng.choice(PREFLIGHT),
            cluster=rng.randrange(12),
            rollout=rng.randrange(rollouts),
            n=rng.randrange(12),
        )
        for _ in range(rng.randint(0, 3))
    ]
