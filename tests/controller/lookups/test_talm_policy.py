"""A policy beside TALM counts once it was unchanged for 30 seconds, and while it is watched."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

import pytest
from msgspec import Struct

from ibgu.controller.lookups.talm_policy import TalmPolicyWatch, shipped_policy
from ibgu.core.model.kinds import JsonObject
from ibgu.core.talm.beside import ACCOUNTS, POLICY, LiveTalm
from ibgu.flowcontrol.backoff import Backoff
from ibgu.hub.client import HubClient
from ibgu.hub.watching.reflector import Timing
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from tests.chaos.proxy import Proxy, before_hub

TALM = LiveTalm("openshift-operators", "system:serviceaccount:openshift-operators:talm")
IN_FORCE = ""
NOT_INSTALLED = f"the ValidatingAdmissionPolicy {POLICY} is not installed"
CHANGED = f"the policy {POLICY} was changed in the last 30 s, and must settle"
OTHER_POLICY = f"the ValidatingAdmissionPolicy {POLICY} is not as the chart ships it"
OTHER_BINDING = f"the binding of {POLICY} is not as the chart ships it"
UNWATCHED = f"ibgu can't watch the ValidatingAdmissionPolicy {POLICY} or its binding"
UNSERVED = "this hub serves no ValidatingAdmissionPolicies (Kubernetes 1.30 and newer)"
KINDS = {
    "policy": "ValidatingAdmissionPolicy",
    "binding": "ValidatingAdmissionPolicyBinding",
}
CHANGES: dict[str, tuple[JsonObject, JsonObject, str]] = {
    "policy": ({"failurePolicy": "Ignore"}, {"failurePolicy": "Fail"}, OTHER_POLICY),
    "binding": (
        {"validationActions": ["Audit"]},
        {"validationActions": ["Deny"]},
        OTHER_BINDING,
    ),
}
"""Kind -> a spec that the chart does not ship, the shipped one, what a hold says of the first."""


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - what a watch has read sets no event
        await asyncio.sleep(0.01)


class Watched(Struct):
    """A watch of the policy on the hub, by a clock that the test moves, over a network of its
    own."""

    watch: TalmPolicyWatch
    network: Proxy
    now: float = 1000.0

    async def says(self, problem: str) -> None:
        await until(lambda: self.watch.problem([TALM]) == problem)

    async def settles(self) -> None:
        await self.says(CHANGED)
        self.now += 29.9
        assert self.watch.problem([TALM]) == CHANGED
        self.now += 0.1
        assert self.watch.problem([TALM]) == IN_FORCE

    async def cut(self, meanwhile: Callable[[], None]) -> None:
        """Whatever the hub sends meanwhile is lost."""
        self.network.silence()
        await asyncio.to_thread(meanwhile)
        self.network.cut()
        await self.says(UNWATCHED)
        self.network.heal()


@pytest.fixture
def installed(kubectl: Kubectl) -> Iterator[None]:
    install(kubectl)
    yield
    remove(kubectl)


def install(kubectl: Kubectl) -> None:
    shipped = shipped_policy()
    text = json.dumps(shipped.policy).replace(
        ACCOUNTS, json.dumps(json.dumps([TALM.account]))[1:-1]
    )
    for kind, spec in (("policy", json.loads(text)), ("binding", shipped.binding)):
        kubectl.apply(
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": KINDS[kind],
                "metadata": {"name": POLICY},
                "spec": spec,
            }
        )


def remove(kubectl: Kubectl) -> None:
    for kind in reversed(KINDS.values()):
        kubectl("delete", kind, POLICY, "--ignore-not-found")


def patch(kubectl: Kubectl, kind: str, **body: JsonObject) -> None:
    kubectl("patch", KINDS[kind], POLICY, "--type=merge", "-p", json.dumps(body))


@asynccontextmanager
async def watching(hub: SandboxHub, *, served: bool = True) -> AsyncIterator[Watched]:
    async with AsyncExitStack() as stack:
        network, url = await stack.enter_async_context(before_hub(hub.url))
        client = await HubClient.with_token(url, hub.token("admin"), str(hub.ca_file))
        await stack.enter_async_context(client)
        watch = TalmPolicyWatch(
            client,
            served=served,
            streaming=True,
            timing=Timing(backoff=Backoff(0.01, 0.01)),
            rng=Random(1),
            now=lambda: watched.now,
        )
        watched = Watched(watch, network)
        assert watch.problem([TALM]) == (UNWATCHED if served else UNSERVED)
        running = asyncio.create_task(watch.run())
        yield watched
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.usefixtures("installed")
async def test_a_policy_is_in_force_once_it_was_unchanged_for_30_seconds(
    sandbox_hub: SandboxHub,
) -> None:
    """Nobody has seen what it was before the watch began."""
    async with watching(sandbox_hub) as found:
        await found.settles()
        other = LiveTalm("elsewhere", "system:serviceaccount:elsewhere:talm")
        assert found.watch.problem([TALM, other]) == (
            f"the policy {POLICY} does not name {other.account}, as which TALM runs"
        )


async def test_a_policy_that_is_installed_and_removed(
    sandbox_hub: SandboxHub, kubectl: Kubectl
) -> None:
    async with watching(sandbox_hub) as found:
        await found.says(NOT_INSTALLED)
        await asyncio.to_thread(install, kubectl)
        await found.settles()
        await asyncio.to_thread(remove, kubectl)
        await found.says(NOT_INSTALLED)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("kind", CHANGES)
async def test_a_change_restarts_the_30_seconds(
    sandbox_hub: SandboxHub, kubectl: Kubectl, kind: str
) -> None:
    other, shipped, words = CHANGES[kind]
    async with watching(sandbox_hub) as found:
        await found.settles()
        found.watch.changed.clear()
        await asyncio.to_thread(patch, kubectl, kind, spec=other)
        await found.says(words)
        assert found.watch.changed.is_set()
        await asyncio.to_thread(patch, kubectl, kind, spec=shipped)
        await found.settles()


@pytest.mark.usefixtures("installed")
async def test_a_label_restarts_nothing(sandbox_hub: SandboxHub, kubectl: Kubectl) -> None:
    async with watching(sandbox_hub) as found:
        await found.settles()
        before = found.watch.installed.policy
        meta = {"labels": {"helm.sh/chart": "ibgu-2"}}
        await asyncio.to_thread(patch, kubectl, "policy", metadata=meta)
        await until(lambda: found.watch.installed.policy != before)
        assert found.watch.problem([TALM]) == IN_FORCE


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("kind", CHANGES)
async def test_a_change_reverted_during_a_cut_restarts_the_30_seconds(
    sandbox_hub: SandboxHub, kubectl: Kubectl, kind: str
) -> None:
    other, shipped, _ = CHANGES[kind]

    def change_and_back() -> None:
        patch(kubectl, kind, spec=other)
        patch(kubectl, kind, spec=shipped)

    async with watching(sandbox_hub) as found:
        await found.settles()
        await found.cut(change_and_back)
        await found.settles()


@pytest.mark.usefixtures("installed")
async def test_after_a_cut_without_a_change_the_policy_is_in_force_again(
    sandbox_hub: SandboxHub,
) -> None:
    async with watching(sandbox_hub) as found:
        await found.settles()
        await found.cut(lambda: None)
        await found.says(IN_FORCE)


@pytest.mark.usefixtures("installed")
async def test_a_hub_that_serves_no_policies(sandbox_hub: SandboxHub) -> None:
    async with watching(sandbox_hub, served=False) as found:
        await found.watch.run()
        assert found.watch.problem([TALM]) == UNSERVED
