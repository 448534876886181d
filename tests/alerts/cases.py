"""Cases for each alert: figures over time at which it fires, and such at which it must not."""

from typing import NamedTuple

Series = dict[str, str]
"""A series -> its values a minute apart, in promtool's short form ("1+2x3" is 1 3 5 7)."""


class Case(NamedTuple):
    alert: str
    name: str
    series: Series
    minute: int
    fires: tuple[str, ...] = ()
    """The labels of those that fire then, besides its name; none: it keeps still."""


CRITICAL, WARNING = 'severity="critical"', 'severity="warning"'


def members(rollout: str, **values: str) -> Series:
    return {
        f'ibgu_rollout_members{{rollout="{rollout}",step="2",state="{state}"}}': value
        for state, value in values.items()
    }


def ended(succeeded: str, failed: str, cause: str = "UpgradeFailed") -> Series:
    of = 'ibgu_members_ended_total{action="Upgrade",outcome='
    return {
        f'{of}"succeeded",cause=""}}': succeeded,
        f'{of}"failed",cause="{cause}"}}': failed,
    }


def writes(ok: str, failed: str, conflicts: str = "0x60") -> Series:
    of = 'ibgu_hub_writes_total{kind="work",result='
    return {f'{of}"ok"}}': ok, f'{of}"failed"}}': failed, f'{of}"conflict"}}': conflicts}


def reactions(quick: str, slow: str) -> Series:
    """Returns how many took up to a tenth of a second, and up to ten."""
    of = "ibgu_reaction_seconds_bucket{le="
    return {f'{of}"0.1"}}': quick, f'{of}"10"}}': slow, f'{of}"+Inf"}}': slow}


def answers(ok: str, errors: str, route: str = "/api/v1/rollouts") -> Series:
    of = f'ibgu_api_requests_total{{method="GET",route="{route}",code='
    return {f'{of}"200"}}': ok, f'{of}"503"}}': errors}


A, B = 'ibgu_leader{pod="a"}', 'ibgu_leader{pod="b"}'
LEADS = 'ibgu_leads_total{pod="a"}'
JOURNAL = 'ibgu_journal_unavailable{pod="a"}'
LAG = 'ibgu_notify_lag_seconds{{receiver="{}",pod="{}"}}'
UNTIL = 'ibgu_rollout_rollback_until_timestamp_seconds{{rollout="{}"}}'
SINCE = 'ibgu_rollout_paused_since_timestamp_seconds{rollout="ran/a"}'
HELD = 'ibgu_rollout_held{rollout="ran/a",reason="CircuitBreaker"}'
PERSON = 'ibgu_rollout_members_waiting_for_person{rollout="ran/a",reason="GateClosed"}'

CASES = (
    Case("IbguNoLeader", "all stand by", {A: "0x9", B: "0x9"}, 5, (CRITICAL,)),
    Case("IbguNoLeader", "nobody is there", {}, 5, (CRITICAL,)),
    Case("IbguNoLeader", "one leads", {A: "0x9", B: "1x9"}, 5),
    Case("IbguLeaderFlaps", "one loses the lead each minute", {LEADS: "0+1x20"}, 15, (WARNING,)),
    Case("IbguLeaderFlaps", "an update, and a node that drains", {LEADS: "1 1 2 3x20"}, 8),
    Case("IbguNoLeader", "they change within a minute", {A: "1 1 0x9", B: "0 0 0 1x9"}, 6),
    Case(
        "IbguJournalUnavailable",
        "away",
        {JOURNAL: "0 1x9"},
        4,
        (CRITICAL,),
    ),
    Case(
        "IbguJournalUnavailable",
        "a short outage",
        {JOURNAL: "0 1 0x9"},
        4,
    ),
    Case(
        "IbguWatchSilent",
        "one kind",
        {
            'ibgu_watch_age_seconds{kind="manifestworks"}': "30+60x9",
            'ibgu_watch_age_seconds{kind="managedclusters"}': "30x9",
        },
        7,
        (f'kind="manifestworks",{CRITICAL}',),
    ),
    Case(
        "IbguWatchSilent",
        "a watch that was opened again",
        {'ibgu_watch_age_seconds{kind="manifestworks"}': "30+60x3 5x9"},
        7,
    ),
    Case(
        "IbguGlassBroken",
        "one of two rollouts",
        {
            'ibgu_rollout_broken_glass{rollout="ran/a"}': "0 2x9",
            'ibgu_rollout_broken_glass{rollout="ran/b"}': "0x9",
        },
        2,
        (f'rollout="ran/a",{WARNING}',),
    ),
    Case(
        "IbguGlassBroken",
        "it has ended",
        {'ibgu_rollout_broken_glass{rollout="ran/a"}': "1 0x9"},
        4,
    ),
    Case("IbguHubForbids", "two rights", {'ibgu_rights_missing{pod="a"}': "2x9"}, 4, (CRITICAL,)),
    Case("IbguHubForbids", "none", {'ibgu_rights_missing{pod="a"}': "0x9"}, 4),
    Case(
        "IbguOwnError",
        "two, now and then tried again",
        {'ibgu_rollouts_quarantined{pod="a"}': "0 2 2 0 2 2x9"},
        6,
        (CRITICAL,),
    ),
    Case(
        "IbguOwnError",
        "a status that can't be made",
        {'ibgu_own_errors_total{what="report"}': "0x3 1x9"},
        6,
        (CRITICAL,),
    ),
    Case("IbguOwnError", "mended", {'ibgu_rollouts_quarantined{pod="a"}': "1x3 0x9"}, 11),
    Case(
        "IbguHubRefuses",
        "one in five",
        writes("0+40x60", "0+10x60"),
        30,
        (f'kind="work",{WARNING}',),
    ),
    Case("IbguHubRefuses", "conflicts alone", writes("0+40x60", "0x60", "0+40x60"), 30),
    Case("IbguHubRefuses", "one in fifty", writes("0+49x60", "0+1x60"), 30),
    Case("IbguSlow", "a tenth takes seconds", reactions("0+90x60", "0+100x60"), 40, (WARNING,)),
    Case("IbguSlow", "all are quick", reactions("0+100x60", "0+100x60"), 40),
    Case(
        "IbguNotifyLag",
        "one of two receivers, told by the pod that leads",
        {
            LAG.format("noc", "a"): "0+60x9",
            LAG.format("noc", "b"): "0x9",
            LAG.format("chat", "a"): "9x9",
        },
        9,
        (f'receiver="noc",{WARNING}',),
    ),
    Case("IbguNotifyLag", "told again in time", {LAG.format("noc", "a"): "0+60x6 0x5"}, 9),
    Case(
        "IbguRolloutHeld",
        "by the circuit breaker",
        {HELD: "1x20"},
        10,
        (f'rollout="ran/a",reason="CircuitBreaker",{WARNING}',),
    ),
    Case("IbguRolloutHeld", "resumed at once", {HELD: "1x2 _x20"}, 10),
    Case(
        "IbguRolloutHeld",
        "too little time is left: the end of the step ends that",
        {HELD.replace("CircuitBreaker", "TooLittleTimeLeft"): "1x20"},
        10,
    ),
    Case(
        "IbguRolloutStandsStill",
        "all are in flight for two hours",
        members("ran/a", running="10x200", waiting="90x200", succeeded="0x200"),
        100,
        (f'rollout="ran/a",{WARNING}',),
    ),
    Case(
        "IbguRolloutStandsStill",
        "one an hour succeeds",
        members("ran/a", running="10x200", succeeded="0x59 1x60 2x60"),
        150,
    ),
    Case(
        "IbguRolloutStandsStill",
        "everybody has ended",
        members("ran/a", running="0x200", waiting="0x200", succeeded="10x200"),
        150,
    ),
    Case(
        "IbguRolloutStandsStill",
        "held: another alert says so",
        members("ran/a", waiting="10x200", succeeded="0x200") | {HELD: "1x200"},
        150,
    ),
    Case(
        "IbguRolloutStandsStill",
        "canaries soak for two hours",
        members("ran/a", running="10x200", waiting="90x200", succeeded="0x200")
        | {'ibgu_rollout_soaking_members{rollout="ran/a"}': "10x120 0x80"},
        150,
    ),
    Case(
        "IbguRolloutStandsStill",
        "a policy keeps all but one until the night, and that one is dark",
        members("ran/a", held="99x200", waiting="1x200", running="0x200", succeeded="0x200"),
        150,
    ),
    Case(
        "IbguRolloutStandsStill",
        "a policy keeps some, and one in flight hangs",
        members("ran/a", held="99x200", waiting="0x200", running="1x200", succeeded="0x200"),
        100,
        (f'rollout="ran/a",{WARNING}',),
    ),
    Case(
        "IbguClustersWaitForPerson",
        "nobody approves",
        {PERSON: "90x200"},
        61,
        (f'rollout="ran/a",reason="GateClosed",{WARNING}',),
    ),
    Case("IbguClustersWaitForPerson", "approved in time", {PERSON: "90x50 _x100"}, 61),
    Case(
        "IbguFailureRate",
        "half of them, of one cause that is new",
        ended("0+1x60", "0x10 7x50"),
        20,
        (f'action="Upgrade",{WARNING}',),
    ),
    Case("IbguFailureRate", "one in ten", ended("0+9x60", "0+1x60"), 40),
    Case("IbguFailureRate", "three, and no one else yet", ended("0x60", "0x10 3x50"), 20),
    Case(
        "IbguTooLittleTime",
        "never started",
        ended("0+10x60", "0x10 8x50", "NeverStarted"),
        20,
        (f'action="Upgrade",cause="NeverStarted",{WARNING}',),
    ),
    Case(
        "IbguRollbackDeadline",
        "two days are left for one of two rollouts",
        {UNTIL.format("ran/a"): "172800x20", UNTIL.format("ran/b"): "864000x20"},
        10,
        (f'rollout="ran/a",{WARNING}',),
    ),
    Case(
        "IbguPausedTooLong",
        "since the beginning",
        {SINCE: "0x1500"},
        1450,
        (f'rollout="ran/a",{WARNING}',),
    ),
    Case("IbguPausedTooLong", "resumed in time", {SINCE: "0x600 _x900"}, 1450),
    Case("IbguRollbackDeadline", "finalized", {UNTIL.format("ran/a"): "172800x2 _x20"}, 10),
    Case("IbguTooLittleTime", "other causes", ended("0+10x60", "0x10 8x50"), 20),
    Case("IbguApiErrors", "one in ten", answers("0+90x60", "0+10x60"), 30, (WARNING,)),
    Case("IbguApiErrors", "one in a hundred", answers("0+99x60", "0+1x60"), 30),
    Case("IbguApiErrors", "probes while it starts", answers("0x60", "0+9x60", "/readyz"), 30),
)
