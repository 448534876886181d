"""Access reviews: what is asked about callers, and what is made of the answers."""

import json
from typing import Protocol

import pytest

from ibgu.hub.authorization.access import Access, AccessReview, User
from ibgu.hub.client import HubClient, HubError
from ibgu.hub.paths import SUBJECT_ACCESS_REVIEWS, TOKEN_REVIEWS
from tests.hub.conftest import Fault, Json, ScriptedHub

ALICE = User("alice", "u1", ("ops", "system:authenticated"), {"scopes": ("user:full",)})
LIST = AccessReview("list", "lcm.openshift.io", "imagebasedgroupupgrades")


class Answer(Protocol):
    def __call__(self, user: Json | None = None, **access: bool) -> None: ...


@pytest.fixture
def answer(hub: ScriptedHub) -> Answer:
    def set_answers(user: Json | None = None, **access: bool) -> None:
        status: Json = {"authenticated": user is not None}
        if user is not None:
            status["user"] = user
        hub.documents[TOKEN_REVIEWS] = {"status": status}
        hub.documents[SUBJECT_ACCESS_REVIEWS] = {"status": access}

    return set_answers


async def test_a_user_comes_with_everything_that_rights_depend_on(
    hub: ScriptedHub, client: HubClient, answer: Answer
) -> None:
    answer(
        {
            "username": "alice",
            "uid": "u1",
            "groups": ["ops", "system:authenticated"],
            "extra": {"scopes": ["user:full"]},
        },
        allowed=True,
    )
    access = Access(client)
    user = await access.user("secret")
    assert user == ALICE
    assert await access.allowed(user, LIST)

    review, question = map(json.loads, hub.bodies)
    assert review["spec"] == {"token": "secret"}
    assert question["spec"] == {
        "user": "alice",
        "uid": "u1",
        "groups": ["ops", "system:authenticated"],
        "extra": {"scopes": ["user:full"]},
        "resourceAttributes": {
            "verb": "list",
            "group": "lcm.openshift.io",
            "resource": "imagebasedgroupupgrades",
        },
    }


async def test_an_unknown_token_has_no_user_and_no_rights(
    client: HubClient, answer: Answer
) -> None:
    answer(None, allowed=False)
    access = Access(client)
    assert await access.user("nonsense") is None
    assert not await access.allowed(ALICE, LIST)


async def test_a_denial_outweighs_a_permission(client: HubClient, answer: Answer) -> None:
    answer(None, allowed=True, denied=True)
    assert not await Access(client).allowed(ALICE, LIST)


async def test_answers_are_kept_for_a_while_and_apart(
    hub: ScriptedHub, client: HubClient, answer: Answer
) -> None:
    answer({"username": "alice"}, allowed=True)
    now = 0.0
    access = Access(client, ttl=60, clock=lambda: now)
    for _ in range(3):
        await access.user("one")
        await access.user("two")
        await access.allowed(ALICE, LIST)
        await access.allowed(User("bob"), LIST)
    assert len(hub.requests) == 4

    now = 60.0
    await access.user("one")
    assert len(hub.requests) == 5


async def test_no_answer_is_no_permission(
    client: HubClient, answer: Answer, hub: ScriptedHub, fault: type[Fault]
) -> None:
    answer({"username": "alice"}, allowed=True)
    hub.faults.append(fault("post", status=503))
    access = Access(client)
    with pytest.raises(HubError):
        await access.allowed(ALICE, LIST)
    assert await access.allowed(ALICE, LIST)


@pytest.mark.parametrize(
    ("username", "counted"),
    [
        ("alice", "alice"),
        ("system:serviceaccount:team-a:one", "system:serviceaccounts:team-a"),
        ("system:serviceaccount:team-a:two", "system:serviceaccounts:team-a"),
        ("system:serviceaccount:team-b:one", "system:serviceaccounts:team-b"),
        ("system:node:one", "system:node:one"),
    ],
)
def test_the_service_accounts_of_a_namespace_count_as_one(username: str, counted: str) -> None:
    """An editor of the namespace makes as many of them as they like."""
    assert User(username).counted_as == counted
