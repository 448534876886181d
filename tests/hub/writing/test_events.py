"""Events about an IBGU: built once, named by what they tell."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ibgu.core.model.kinds import ObjectMeta
from ibgu.hub.writing.events import LEASE, cut, event, event_name
from ibgu.hub.writing.writer import Write
from tests.hub.conftest import Json

ABOUT = ObjectMeta(name="ran-417", namespace="default", uid="u-1")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def body(write: Write) -> Json:
    assert write.body is not None
    sent: Json = json.loads(write.body)
    return sent


def test_an_event_names_its_object() -> None:
    write = event(
        ABOUT, "Braked", "5 of 5 failed", key="2", now=NOW, instance="pod-1", warning=True
    )

    assert write.path == "/apis/events.k8s.io/v1/namespaces/default/events"
    assert write.owner == "u-1"
    sent = body(write)
    assert sent["type"] == "Warning"
    assert sent["eventTime"] == "2026-03-01T12:00:00.000000Z"
    assert sent["regarding"]["name"] == "ran-417"
    assert sent["metadata"]["name"] == write.key[-1]


def test_an_event_about_the_lease_is_no_rollouts() -> None:
    lease = ObjectMeta(name="ibgu-controller", namespace="ibgu-system", uid="u-2")
    write = event(lease, "LeaderElection", "pod-1 took it", key="3", now=NOW, instance="", of=LEASE)
    assert write.owner == ""
    assert body(write)["regarding"] == {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "namespace": "ibgu-system",
        "name": "ibgu-controller",
        "uid": "u-2",
    }


def test_equal_events_have_the_same_name_and_later_ones_another() -> None:
    first = event(ABOUT, "Braked", "x", key="2", now=NOW, instance="pod-1")
    again = event(ABOUT, "Braked", "y", key="2", now=NOW, instance="pod-2")
    later = event(ABOUT, "Braked", "x", key="3", now=NOW, instance="pod-1")

    assert first.key == again.key != later.key


def test_a_long_name_stays_a_kubernetes_name() -> None:
    name = event_name(ObjectMeta(name="a" * 229 + ".b" * 12, uid="u"), "R", "k")
    assert len(name) <= 253
    assert ".." not in name


@given(st.text(max_size=3000))
def test_a_note_is_cut_between_characters(text: str) -> None:
    short = cut(text, 1024)
    assert len(short.encode()) <= 1024
    if len(text.encode()) <= 1024:
        assert short == text
    else:
        assert short.endswith("…")
        assert text.startswith(short[:-1])
