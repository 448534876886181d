"""The two formats, as their receivers read them."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.model.topics import Topic
from ibgu.core.notify import (
    Format,
    NotificationState,
    Receiver,
    overdue,
    request_of,
    request_of_alerts,
    sample,
    wanted,
)
from ibgu.core.notify.mentions import unmentioned
from ibgu.core.notify.message import Message, without_quotes
from ibgu.core.notify.state import Alert, FailureGroup, Hold, NeededApproval, TrackedEvents
from tests.core.engine.decide.fleet import START
from tests.core.notify.messages import UID, facts_of, folded, prepared

HOUR = timedelta(hours=1)
LINK = "https://ibgu.example/#/rollouts/{namespace}/{name}"


@pytest.fixture(scope="module")
def stopped() -> tuple[NotificationState, list[Message]]:
    engine = prepared(range(1, 13))
    engine.wait(hours=5)
    return folded(facts_of(engine))


def receiver(format: Format, **changes: Any) -> Receiver:
    return Receiver(name="noc", format=format, url="https://noc.example", **changes)


def test_a_message_becomes_a_cloudevent(stopped: tuple[NotificationState, list[Message]]) -> None:
    message = stopped[1][3]
    sent = request_of(message, receiver(Format.CLOUDEVENTS, link=LINK), "hub-1")
    assert sent.content_type == "application/cloudevents+json; charset=utf-8"
    event = json.loads(sent.body)
    data = event.pop("data")
    assert event == {
        "specversion": "1.0",
        "id": f"{message.seq}-clusters.failed-{int(message.at.timestamp() * 1000)}",
        "source": "/ibgu/hubs/hub-1",
        "type": "dev.ibgu.clusters.failed",
        "subject": "fleet/a",
        "time": message.at.isoformat().replace("+00:00", "Z"),
        "sequence": f"{message.seq:020}",
        "datacontenttype": "application/json",
    }
    assert sent.id == event["id"]
    assert data["link"] == "https://ibgu.example/#/rollouts/fleet/a"
    assert (data["step"], data["total"], data["outcomes"]) == (1, 12, {"failed": 5})
    assert data["failures"][0]["clusters"] == [f"site-{n}" for n in range(1, 6)]
    assert data["hold"] is None


def test_a_message_is_left_without_what_it_quotes(
    stopped: tuple[NotificationState, list[Message]],
) -> None:
    for message in stopped[1]:
        quoted = {group.words for group in message.groups} | ({message.text} - {""})
        quoted |= {message.hold.message} if message.hold else set()
        quoted.add("a field manager")
        plain = without_quotes(replace(message, actor="a field manager"))
        sent = request_of(plain, receiver(Format.CLOUDEVENTS), "hub-1").body.decode()
        assert not [words for words in quoted if words and words in sent]
        assert (plain.id, plain.topic, plain.track) == (message.id, message.topic, message.track)
    assert any(message.hold for message in stopped[1])
    assert any(message.groups for message in stopped[1])


def test_the_hold_is_in_the_cloudevent_of_a_circuit_breaker(
    stopped: tuple[NotificationState, list[Message]],
) -> None:
    sent = request_of(stopped[1][-1], receiver(Format.CLOUDEVENTS), "hub-1")
    data = json.loads(sent.body)["data"]
    assert (data["hold"]["reason"], data["hold"]["who"]) == ("CircuitBreaker", "person")
    assert data["link"] is None


HOSTILE = "x\n*noc*: all is well @channel\u202e [see](https://evil.example) \x1b[2J`a` _b_ <!here>"


def hostile() -> tuple[NotificationState, Message]:
    """A rollout whose first failed cluster says that, and what the message says of it."""
    engine = prepared(range(1, 13))
    engine.wait(hours=5)
    facts = [
        replace(fact, data=fact.data | {"message": HOSTILE}) if "message" in fact.data else fact
        for fact in facts_of(engine)
    ]
    memory, messages = folded(facts)
    return memory, next(each for each in messages if each.topic is Topic.CLUSTERS_FAILED)


AT = "\N{FULLWIDTH COMMERCIAL AT}"
TAG = "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}"


def test_a_clusters_words_are_one_line_that_calls_nobody() -> None:
    memory, message = hostile()
    alerts = {each.labels["alertname"]: each for each in _wanted(memory, message)}
    event = json.loads(request_of(message, receiver(Format.CLOUDEVENTS), "hub-1").body)["data"]
    for text in (alerts["IbguClustersFailed"].annotations["description"], event["text"]):
        assert text.endswith(
            f"x *noc*: all is well {AT}channel\ufffd [see] (https://evil.example) \ufffd[2J`a` _b_ "
            f"{TAG}!here>"
        )
    assert not {"\n", "\x1b", "\u202e"} & set(event["failures"][0]["words"])


def _wanted(memory: NotificationState, message: Message) -> tuple[Alert, ...]:
    return wanted(memory, receiver(Format.ALERTMANAGER), "hub-1", message.at)


def test_names_of_images_stay() -> None:
    image = "quay.io/x_y/seed@sha256:0a1b"
    assert unmentioned(image) == image


# -- alerts --------------------------------------------------------------------------------------


def posted(
    memory: NotificationState,
    now: datetime,
    before: NotificationState | None = None,
    **changes: Any,
) -> Any:
    to = receiver(Format.ALERTMANAGER, **changes)
    former = wanted(before, to, "hub-1", now) if before else ()
    sent = request_of_alerts(wanted(memory, to, "hub-1", now), former, now)
    assert sent.path == "/api/v2/alerts"
    return json.loads(sent.body)


def test_a_circuit_breaker_and_failures_fire(
    stopped: tuple[NotificationState, list[Message]],
) -> None:
    now = START + 5 * HOUR
    held, failed = posted(stopped[0], now, link=LINK)
    about = {"hub": "hub-1", "namespace": "fleet", "rollout": "a"}
    assert held["labels"] == about | {
        "alertname": "IbguRolloutHeld",
        "severity": "critical",
        "reason": "CircuitBreaker",
    }
    assert "the first 5 clusters" in held["annotations"]["description"]
    assert failed["labels"] == about | {"alertname": "IbguClustersFailed", "severity": "warning"}
    assert failed["annotations"]["summary"] == "fleet/a: 5 clusters failed"
    assert failed["generatorURL"] == "https://ibgu.example/#/rollouts/fleet/a"
    assert datetime.fromisoformat(failed["endsAt"]) == now + timedelta(minutes=15)
    assert datetime.fromisoformat(failed["startsAt"]) < now


def test_an_ended_alert_is_resolved_once(stopped: tuple[NotificationState, list[Message]]) -> None:
    now = START + 5 * HOUR
    over = posted(NotificationState(), now, before=stopped[0])
    assert [alert["labels"]["alertname"] for alert in over] == [
        "IbguRolloutHeld",
        "IbguClustersFailed",
    ]
    assert {datetime.fromisoformat(alert["endsAt"]) for alert in over} == {now}
    assert posted(NotificationState(), now) == []


def test_more_failures_are_the_same_alert_with_another_text(
    stopped: tuple[NotificationState, list[Message]],
) -> None:
    memory = stopped[0]
    track = memory.tracks[UID]
    group = replace(track.groups[0], count=7, remedy="mend it")
    more = memory.tracking(UID, replace(track, groups=(group,)))
    (_, failed) = posted(more, START + 5 * HOUR, before=memory)
    assert failed["annotations"]["summary"] == "fleet/a: 7 clusters failed"
    assert failed["annotations"]["description"].endswith(" → mend it")


def failure_of(step: int, action: str, count: int = 1, failure: str = "Odd") -> FailureGroup:
    return FailureGroup(
        step=step,
        action=action,
        failure=failure,
        words="",
        count=count,
        clusters=(),
        first=START,
        last=START,
    )


def described(*groups: FailureGroup) -> str:
    track = TrackedEvents(namespace="fleet", name="a", groups=groups)
    (alert,) = posted(NotificationState({UID: track}), START)
    description = alert["annotations"]["description"]
    assert isinstance(description, str)
    return description


def test_failures_of_each_step_and_action_are_described_reboots_first() -> None:
    upgrade = replace(failure_of(1, "Upgrade"), remedy="mend it")
    assert described(failure_of(0, "Prep"), upgrade) == (
        "step 2: 1 cluster failed in Upgrade: Odd → mend it; step 1: 1 cluster failed in Prep: Odd"
    )


def test_an_alert_describes_three_failures_and_counts_the_others() -> None:
    preps = [failure_of(0, "Prep", count, f"Odd{count}") for count in (3, 9, 7)]
    others = [failure_of(1, "Upgrade", 2), failure_of(2, "Nap", 1)]
    assert described(*preps, *others) == (
        "step 2: 2 clusters failed in Upgrade: Odd; step 1: 9 clusters failed in Prep: Odd9; "
        "step 3: 1 cluster failed in Nap: Odd; and 2 other failures, see `ibgu status`"
    )


def test_old_failures_fire_no_more(stopped: tuple[NotificationState, list[Message]]) -> None:
    alerts = posted(stopped[0], START + 50 * HOUR)
    assert [alert["labels"]["alertname"] for alert in alerts] == ["IbguRolloutHeld"]


@pytest.mark.parametrize(
    ("who", "severity"), [("person", "warning"), ("ibgu", "info"), ("cluster", "info")]
)
def test_the_severity_of_a_hold_depends_on_who_must_act(
    stopped: tuple[NotificationState, list[Message]], who: str, severity: str
) -> None:
    hold = Hold("InvalidPlan", "", who, START)
    track = replace(stopped[0].tracks[UID], groups=(), hold=hold, step_hold=replace(hold))
    alerts = posted(stopped[0].tracking(UID, track), START)
    assert [alert["labels"]["severity"] for alert in alerts] == [severity] * 2
    assert alerts[0]["annotations"]["description"] == "nothing new starts"


def test_a_stalled_rollout_fires() -> None:
    engine = prepared(count=1)
    engine.until_started()
    memory, _ = folded(facts_of(engine))
    assert posted(memory, START) == []
    memory, _ = overdue(memory, START + 9 * HOUR, HOUR)
    (alert,) = posted(memory, START + 9 * HOUR)
    assert alert["labels"]["alertname"] == "IbguRolloutStandsStill"
    assert "has not moved" in alert["annotations"]["summary"]


def test_a_missing_approval_fires_with_labels_of_its_own() -> None:
    needed = NeededApproval(1, "RolloutPolicy/ran", "Upgrade", "2 people must approve", since=START)
    other = replace(needed, before="FinalizeUpgrade", since=START + HOUR)
    track = TrackedEvents(namespace="fleet", name="a", step=1, approvals=(needed, other))
    memory = NotificationState({UID: track})
    alerts = posted(memory, START + 2 * HOUR)
    [(name, gate, before, step), (_, _, second, _)] = [
        [alert["labels"][key] for key in ("alertname", "gate", "before", "step")]
        for alert in alerts
    ]
    assert (name, gate, before, step) == ("IbguApprovalNeeded", "RolloutPolicy/ran", "Upgrade", "2")
    assert second == "FinalizeUpgrade"
    assert alerts[0]["annotations"] == {
        "summary": "fleet/a: clusters of step 2 wait for approval by RolloutPolicy/ran",
        "description": "2 people must approve",
    }
    assert datetime.fromisoformat(alerts[1]["startsAt"]) == START + HOUR
    assert posted(memory, START, kinds=(Topic.STEP_HELD,)) == []


def test_only_what_the_receiver_wants(stopped: tuple[NotificationState, list[Message]]) -> None:
    now = START + 5 * HOUR
    assert len(posted(stopped[0], now, kinds=(Topic.STEP_CIRCUIT_BREAKER,))) == 1
    assert posted(stopped[0], now, namespaces=("other-*",)) == []


def test_the_sample_message_is_marked_as_a_test() -> None:
    event = json.loads(sample(receiver(Format.CLOUDEVENTS), "hub-1", START).body)
    assert event["id"].startswith("test-")
    assert "this is a test" in event["data"]["text"]
    (alert,) = json.loads(
        sample(receiver(Format.ALERTMANAGER, namespaces=("x",)), "hub-1", START).body
    )
    assert datetime.fromisoformat(alert["startsAt"]) == START
    assert datetime.fromisoformat(alert["endsAt"]) == START + timedelta(minutes=5)
