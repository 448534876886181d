"""Policies in sentences: what they allow, and what they hold."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ibgu.core.model import ActingParty
from ibgu.core.text.held import held_by
from ibgu.core.views.policy_words import allowed, holder_of, policy_of, what_ends

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
EVERY = "It applies to every action but those that lead back, in every rollout, on every cluster."
NIGHT = {"cron": "0 1 * * MON-FRI", "durationMinutes": 240}


def test_a_gate_of_a_policy_has_its_name() -> None:
    assert policy_of("RolloutPolicy/ran-nights") == "ran-nights"
    assert policy_of("RolloutPolicies") == policy_of("") == ""


def test_a_hold_names_the_policy_and_counts_the_clusters() -> None:
    opens = "the policy's window opens at 01:00 CET on 27 November 2026"
    assert held_by(holder_of("RolloutPolicy/ran-nights"), opens, 214) == (
        f"held by policy ran-nights: {opens}; 214 clusters wait for it"
    )
    others = held_by(holder_of("RolloutPolicy/ran-nights"), opens, 2, alike=False)
    assert (
        others == f"held by policy ran-nights: {opens} (similar for others); 2 clusters wait for it"
    )
    held = held_by(holder_of("ClusterHold"), "field-ops holds the cluster", 1)
    assert held == "field-ops holds the cluster; 1 cluster waits for the end of a hold"
    unknown = held_by(holder_of("RolloutPolicies"), "RolloutPolicies\nare \x1b[31mnot read", 1)
    assert unknown.startswith("held by the policies of the hub: RolloutPolicies are ")
    assert unknown.endswith("; 1 cluster waits for it")
    assert "\x1b" not in unknown


def test_the_end_of_a_hold_is_known_or_depends_on_others() -> None:
    assert what_ends(ActingParty.IBGU, NOW).endswith(", for the first at 2026-11-26T12:00:00Z")
    words = {what_ends(who, None) for who in ActingParty}
    assert len(words) == len(ActingParty)


def test_the_end_of_a_hold_names_an_approval_that_the_policy_also_asks_for() -> None:
    spec = {"freezes": [], "approval": {"before": "Step", "approvers": 2}}
    opens = "the gate opens automatically when the policy allows it"
    assert what_ends(ActingParty.IBGU, None, spec) == (
        f"{opens}; the policy also asks for approval by 3 people, which can come before"
    )
    assert what_ends(ActingParty.IBGU, None, spec, author="nora") == (
        f"{opens}; the policy also asks for approval by 2 people, which can come before"
    )
    for other in (None, {}, {"approval": 1}):
        assert what_ends(ActingParty.IBGU, None, other) == opens


def test_people_end_a_hold_by_an_approval() -> None:
    assert what_ends(ActingParty.PERSON, None, {"approval": {"before": "Step"}}, approves=True) == (
        "people approve it, as the message says, or the policy is changed"
    )


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({}, [EVERY]),
        (
            {"preflight": "Enforce", "warnings": "Hold", "backup": "Required"},
            [
                EVERY,
                "A cluster with an error of preflight does not start, whatever annotations say.",
                "A cluster that has completed Prep or Check with a warning waits before Upgrade or "
                "Update until a person resumes the rollout.",
                "No Upgrade or Update starts unless its rollout backs each cluster up before.",
            ],
        ),
        (
            {
                "rollouts": {
                    "namespaces": ["ran", "core"],
                    "selector": {
                        "matchExpressions": [{"key": "ring", "operator": "In", "values": ["1"]}]
                    },
                },
                "clusters": {"selector": {"matchLabels": {"network": "ran", "a": "b"}}},
                "actions": ["Upgrade", "Update"],
            },
            [
                "It applies to Upgrade, Update, in the rollouts of the namespaces ran, core with "
                "the labels ring In (1), on the clusters with the labels a=b, network=ran."
            ],
        ),
        (
            {"clusters": {"clusterSets": ["west"]}},
            [EVERY.replace("every cluster", "the clusters of the cluster sets west")],
        ),
        (
            {"inFlight": 1},
            [EVERY, "At most 1 cluster may be in flight at once, in all rollouts together."],
        ),
        (
            {"inFlight": "5%"},
            [
                EVERY,
                "At most 5% of its clusters may be in flight at once, in all rollouts together.",
            ],
        ),
        (
            {
                "perTopology": [{"label": "example.com/site", "maximum": 2}],
                "neverTogether": [{"clusters": ["a", "b"]}],
            },
            [
                EVERY,
                "At most 2 clusters with the same value of the label example.com/site may be in "
                "flight at once.",
                "Only one of a, b may be in flight at once.",
            ],
        ),
    ],
)
def test_limits_and_selections_in_words(spec: dict[str, Any], said: list[str]) -> None:
    assert allowed(spec, NOW) == said


@pytest.mark.parametrize(
    ("window", "at", "said"),
    [
        ({}, NOW, ", in the time zone of each cluster."),
        (
            {"timeZone": "Europe/Berlin"},
            NOW,
            ", in the time zone Europe/Berlin; it opens at 01:00 CET on 27 November 2026.",
        ),
        (
            {"timeZone": "Europe/Berlin"},
            NOW.replace(hour=1),
            ", in the time zone Europe/Berlin; it is open until 05:00 CET on 26 November 2026.",
        ),
        (
            {"timeZone": "UTC", "cron": "0 0 */31 2 MON#2"},
            NOW,
            ", in the time zone UTC; it does not open within fifty years.",
        ),
    ],
)
def test_a_window_says_when_it_opens(window: dict[str, Any], at: datetime, said: str) -> None:
    found = NIGHT | window
    _, words = allowed({"windows": [found]}, at)
    assert words == f'Clusters start in a window of 4 h from "{found["cron"]}" (cron){said}'


def test_freezes_that_are_over_are_left_out() -> None:
    freezes = [
        {"from": "2026-11-01T00:00:00Z", "until": "2026-11-02T00:00:00Z"},
        {"from": "2026-11-26T00:00:00Z", "until": "2026-11-28T00:00:00Z", "reason": "a\ncrane"},
        {"from": "2026-12-19T00:00:00+01:00", "until": "2027-01-07T00:00:00+01:00"},
    ]
    assert allowed({"windows": [NIGHT], "fit": True, "freezes": freezes}, NOW)[2:] == [
        "An action starts only if it, and a rollback from it, usually end in the window.",
        "Nothing starts from 2026-11-26T00:00:00Z until 2026-11-28T00:00:00Z: a crane.",
        "Nothing starts from 2026-12-19T00:00:00+01:00 until 2027-01-07T00:00:00+01:00.",
    ]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            {"canaries": {"count": 5, "soakMinutes": 120}},
            "The first 5 clusters of a step go first. The others start once these have succeeded "
            "and were available for 2 h; if one fails, a person has to resume the rollout. The "
            "next cluster takes the place of one that is skipped before it has begun.",
        ),
        (
            {"canaries": {"selector": {"matchLabels": {"ring": "0"}}}},
            "The clusters of a step with the labels ring=0 go first. The others start once these "
            "have succeeded; if one fails, a person has to resume the rollout.",
        ),
        (
            {"failureBudget": {"maximum": "2%"}},
            "If more than 2% of the clusters of a rollout have failed, nothing new starts until a "
            "person resumes the rollout.",
        ),
        (
            {"failureBudget": {"maximum": 3, "per": "Hub", "withinMinutes": 60}},
            "If more than 3 clusters of all rollouts together have failed within 1 h, nothing new "
            "starts until a person resumes the rollout.",
        ),
        (
            {"failureBudget": {"maximum": 1, "per": "Step"}, "actions": ["Upgrade"]},
            "If more than 1 cluster of a step has failed in Upgrade, nothing new starts until a "
            "person resumes the rollout.",
        ),
        (
            {"approval": {}},
            "A step starts once 1 person approved it, the step's author not counted; 2 while that "
            "author is not known.",
        ),
        (
            {
                "approval": {"before": "Action", "approvers": 2, "fourEyes": False},
                "actions": ["Upgrade"],
            },
            "Each of its actions starts once 2 people approved it.",
        ),
        (
            {"breaker": {"sameCause": 3, "percent": 20}},
            "Nothing new starts with an image once 3 upgrades to it with one cause or 20% of at "
            "least 10 upgrades to it failed within 1 d, in any rollout of the hub.",
        ),
        (
            {"breaker": {"percent": 20, "windowMinutes": 60}},
            "Nothing new starts with an image once 20% of at least 10 upgrades to it failed within "
            "1 h, in any rollout of the hub.",
        ),
        (
            {"breaker": {"sameCause": 3}},
            "Nothing new starts with an image once 3 upgrades to it with one cause failed within "
            "1 d, in any rollout of the hub.",
        ),
    ],
)
def test_failures_have_sentences_of_their_own(spec: dict[str, Any], said: str) -> None:
    assert allowed(spec, NOW)[1:] == [said]


@pytest.mark.parametrize(
    ("minutes", "state"),
    [(0, "and are available and well"), (120, "and were available and well for 2 h")],
)
def test_the_checks_of_canaries_are_said(minutes: int, state: str) -> None:
    health = {
        "conditions": [{"type": "Power"}, {"type": "Alarm", "status": "False"}],
        "clusterOperators": True,
        "nodes": True,
        "policies": True,
    }
    canaries = {"count": 1, "soakMinutes": minutes, "health": health}
    _, first, well = allowed({"canaries": canaries}, NOW)
    assert f"have succeeded {state}; if one fails" in first
    assert well == (
        "A canary is well while its condition Power is True, its condition Alarm is False, its "
        "cluster operators are available and not degraded, its nodes are ready, it complies with "
        "its policies."
    )


@pytest.mark.parametrize(
    ("health", "said"),
    [
        ({"nodes": True}, "its nodes are ready"),
        ({"policies": True}, "it complies with its policies"),
        (
            {"metrics": [{"source": "thanos", "query": 'up{cluster="$cluster"}'}]},
            'the source thanos answers "up{cluster="$cluster"}" with no 0',
        ),
    ],
)
def test_one_check_of_canaries_is_said_alone(health: dict[str, Any], said: str) -> None:
    canaries = {"count": 1, "soakMinutes": 0, "health": health}
    *_, well = allowed({"canaries": canaries}, NOW)
    assert well == f"A canary is well while {said}."


def test_a_rollback_of_canaries_is_said_with_its_time() -> None:
    health = {"nodes": True}
    canaries = {"count": 1, "health": health, "rollback": True, "rollbackAfterMinutes": 90}
    *_, back = allowed({"canaries": canaries}, NOW)
    assert back == (
        "A canary that was well after its upgrade and then is reported as not well for 1 h 30 min "
        "is rolled back by ibgu, and a person has to resume the rollout."
    )


@pytest.mark.parametrize(
    ("retry", "often"),
    [
        ({}, "once: 10 min after AbortOnFailure has taken them back."),
        (
            {"attempts": 3, "backoffMinutes": 60},
            "up to 3 times: 1 h after AbortOnFailure has taken them back, and twice as long before "
            "each further one.",
        ),
    ],
)
def test_a_retry_is_said_with_its_times(retry: dict[str, int], often: str) -> None:
    *_, again = allowed({"retry": retry}, NOW)
    failed = "Clusters whose Prep has failed of a transient cause are tried again by ibgu"
    assert again == f"{failed} {often}"


def test_long_lists_and_texts_are_cut() -> None:
    groups = [{"clusters": [f"site-{number}" for number in range(12)]}] * 12
    found = allowed({"neverTogether": groups}, NOW)
    assert found[1].endswith("site-9 and 2 more may be in flight at once.")
    assert (len(found), found[-1]) == (12, "So it is with 2 more groups of clusters.")
    assert len(held_by(holder_of("RolloutPolicy/night"), "x" * 1000, 2)) < 400


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"inFlight": []}, "ibgu can't read the policy: Expected `int | str`, got `array`"),
        ({"moon": 1}, "ibgu can't read the policy: Object contains unknown field `moon`."),
        ({"inFlight": "5"}, 'ibgu can\'t follow the policy: spec.inFlight: "5" is neither'),
    ],
)
def test_a_policy_that_is_not_followed_says_why(spec: dict[str, Any], said: str) -> None:
    (words,) = allowed(spec, NOW)
    assert words.startswith(said)
