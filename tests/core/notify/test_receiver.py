"""The receivers' file: what it may contain, and which field is wrong."""

from typing import Any

import pytest

from ibgu.core.model.topics import Topic
from ibgu.core.notify import Format, InvalidReceiverFile, Receiver, parse, url_problem
from tests.core.notify.messages import facts_of, folded, prepared

GOOD = {"name": "noc", "format": "cloudevents", "url": "https://noc.example/hook"}


def test_a_receiver_has_defaults() -> None:
    (receiver,) = parse({"receivers": [GOOD]})
    assert receiver == Receiver(
        name="noc", format=Format.CLOUDEVENTS, url="https://noc.example/hook"
    )
    assert receiver.kinds == tuple(Topic)
    assert receiver.patience.total_seconds() == 90 * 60


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "teams"}, "receivers[0].format: Invalid enum value 'teams'; there are cloud"),
        ({"kinds": ["step.eaten"]}, "receivers[0].kinds[0]: Invalid enum value 'step.eaten'; the"),
        ({"stalledMinutes": "x"}, "receivers[0].stalledMinutes: Expected `int`, got `str`"),
        ({"timeoutSeconds": 0}, "receivers[0].timeoutSeconds: Expected `float` > 0"),
        ({"secret": "x"}, "receivers[0]: Object contains unknown field `secret`"),
        ({"name": "The NOC"}, "receivers[0].name: Expected `str` matching regex"),
        ({"name": None}, "receivers[0].name: Expected `str`, got `null`"),
        ({"url": ""}, "receivers[0].url: either url or urlFile is needed"),
        ({"urlFile": "x"}, "receivers[0].url: either url or urlFile is needed"),
        ({"urlEnv": "X"}, "receivers[0]: Object contains unknown field `urlEnv`"),
        ({"url": "ftp://x"}, "receivers[0].url: is no address that begins with https://"),
        ({"format": "slack"}, "receivers[0].format: Invalid enum value 'slack'; there are cloud"),
    ],
)
def test_a_mistake_is_named_with_its_field(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidReceiverFile) as error:
        parse({"receivers": [GOOD | changes]})
    assert str(error.value).startswith(said)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (None, "the file: Expected `object`, got `null`"),
        ({}, "the file: Object missing required field `receivers`"),
        ({"receivers": [GOOD, GOOD]}, "receivers[1].name: 'noc' is there twice"),
    ],
)
def test_a_mistake_of_the_whole_file(document: Any, said: str) -> None:
    with pytest.raises(InvalidReceiverFile) as error:
        parse(document)
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("url", "token", "wrong"),
    [
        ("https://noc.example", True, ""),
        ("http://noc.example", False, ""),
        ("http://127.0.0.1:9", True, ""),
        ("http://noc.example", True, "begins with http://: a token"),
        ("https://me:secret@noc.example", False, "must not contain a user or a password"),
        ("https://", False, "is no address"),
        ("https://x:99999", False, "can't be read"),
    ],
)
def test_invalid_urls_of_receivers_are_refused(url: str, token: bool, wrong: str) -> None:
    found = url_problem(url, token=token)
    assert (found or "").startswith(wrong)
    assert (found is None) is (wrong == "")
    assert "secret" not in (found or "").replace("secretFile", "")


def test_receivers_filter_by_topic_and_namespace() -> None:
    engine = prepared(count=1)
    engine.until_started()
    started, step = folded(facts_of(engine))[1]
    fussy = Receiver(
        name="a",
        format=Format.CLOUDEVENTS,
        kinds=(Topic.STEP_STARTED,),
        namespaces=("ran-*", "fl??t"),
    )
    assert (fussy.wants(started), fussy.wants(step)) == (False, True)
    assert not Receiver(name="b", format=Format.CLOUDEVENTS, namespaces=("ran-*",)).wants(step)
