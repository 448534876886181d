"""The payload of a Prep is read from the hub by the names that the IBGU gives."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ibgu.controller.lookups.payloads import Payloads
from ibgu.core.drivers import DRIVERS
from ibgu.core.model import Rollout
from ibgu.core.model.kinds import IbuSpec, NameRef, ObjectRef, RolloutSpec, SeedImageRef
from ibgu.core.plan.references import UncheckedPolicy
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.sim.hub import MemoryClient, MemoryHub


def referring(spec: IbuSpec) -> Rollout:
    now = datetime.now(UTC)
    given = RolloutSpec(ibu_spec=spec)
    return Rollout(uid="r", namespace="default", name="r", created_at=now, spec=given)


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        (IbuSpec(oadp_content=[ObjectRef(".", "default")]), "ConfigMap default/., "),
        (IbuSpec(extra_manifests=[ObjectRef("extra", "")]), "ConfigMap /extra, "),
        (IbuSpec(SeedImageRef(pull_secret_ref=NameRef(".."))), "Secret default/.., "),
    ],
)
async def test_impossible_object_names_hold_the_rollout(spec: IbuSpec, what: str) -> None:
    """Kubernetes' schema of an IBGU takes any string there."""
    hub = MemoryClient(MemoryHub(now=lambda: 0.0))
    found = await Payloads(DRIVERS, hub, "ns:name").read(referring(spec))
    assert found.problem.startswith(f"spec.ibuSpec refers to {what}which can't exist: '")


class _NotAllowed(MemoryClient):
    """A connection to a hub that does not let ibgu look whether the admission policy is there."""

    async def request(self, method: str, path: str, **given: Any) -> bytes:
        if "/validatingadmissionpolic" in path:
            raise HubError(403, "Forbidden", "not allowed", method=method, path=path)
        return await super().request(method, path, **given)


async def test_unreadable_references_follow_the_unchecked_policy() -> None:
    hub = _NotAllowed(MemoryHub(now=lambda: 0.0))
    spec = IbuSpec(oadp_content=[ObjectRef("oadp", "elsewhere")])
    confining = Payloads(DRIVERS, hub, "ns:name", UncheckedPolicy.NAMESPACE)
    confined = await confining.read(referring(spec))
    assert "refers to ConfigMap elsewhere/oadp outside of namespace default" in confined.problem
    trusting = await Payloads(DRIVERS, hub, "ns:name", UncheckedPolicy.TRUST).read(referring(spec))
    assert trusting.problem == trusting.unchecked == ""
    assert trusting.warnings[0].startswith("ConfigMap elsewhere/oadp is not on the hub")


async def test_a_step_goes_on_with_the_content_that_it_has_begun_with_alone() -> None:
    hub = MemoryClient(MemoryHub(now=lambda: 0.0))
    rollout = referring(IbuSpec(oadp_content=[ObjectRef("oadp", "kube-system")]))
    shelf = paths.config_map("kube-system", "oadp")
    shelves = shelf.removesuffix("/oadp")
    await hub.request("POST", shelves, body=backup("first"))
    begun = await Payloads(DRIVERS, hub, "ns:name", UncheckedPolicy.TRUST).read(rollout)
    assert begun.digest
    confined = Payloads(DRIVERS, hub, "ns:name", UncheckedPolicy.NAMESPACE)
    assert (await confined.read(rollout, begun.digest)).digest == begun.digest
    carried = confined.content(rollout.uid)
    assert "was not checked" in (await confined.read(rollout)).problem
    await hub.request("DELETE", shelf)
    await hub.request("POST", shelves, body=backup("second"))
    assert "was not checked" in (await confined.read(rollout, begun.digest)).problem
    assert confined.content(rollout.uid) is carried


def backup(text: str) -> dict[str, Any]:
    metadata = {"namespace": "kube-system", "name": "oadp"}
    data = {"backup": text}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


class _WithoutRights(MemoryClient):
    """A connection whose roles are bound in no namespace, as the API server refuses it there."""

    may_know = True
    there = False

    async def request(self, method: str, path: str, **given: Any) -> bytes:
        if "/configmaps/" in path:
            raise HubError(403, "Forbidden", "not allowed", method=method, path=path)
        if path == paths.namespace("elsewhere"):
            if not self.may_know:
                raise HubError(403, "Forbidden", "not allowed", method=method, path=path)
            if self.there:
                return b'{"metadata": {"name": "elsewhere"}}'
        return await super().request(method, path, **given)


@pytest.mark.parametrize(
    ("may_know", "there", "held"), [(True, False, False), (True, True, True), (False, True, True)]
)
async def test_a_refusal_counts_where_the_namespace_may_be_there(
    may_know: bool, there: bool, held: bool
) -> None:
    hub = _WithoutRights(MemoryHub(now=lambda: 0.0))
    hub.may_know, hub.there = may_know, there
    spec = IbuSpec(oadp_content=[ObjectRef("oadp", "elsewhere")])
    found = await Payloads(DRIVERS, hub, "ns:name", UncheckedPolicy.TRUST).read(referring(spec))
    assert bool(found.problem) is held
    assert bool(found.warnings) is not held


async def test_a_hub_that_does_not_answer_says_nothing_about_a_namespace() -> None:
    class Silent(_WithoutRights):
        async def request(self, method: str, path: str, **given: Any) -> bytes:
            if path == paths.namespace("elsewhere"):
                raise HubError(503, "ServiceUnavailable", "later", method=method, path=path)
            return await super().request(method, path, **given)

    spec = IbuSpec(oadp_content=[ObjectRef("oadp", "elsewhere")])
    with pytest.raises(HubError):
        await Payloads(DRIVERS, Silent(MemoryHub(now=lambda: 0.0)), "ns:name").read(referring(spec))


async def test_content_with_a_hub_template_is_a_problem_and_is_never_there_to_be_sent() -> None:
    hub = MemoryClient(MemoryHub(now=lambda: 0.0))
    metadata = {"namespace": "kube-system", "name": "oadp"}
    data = {"b.yaml": "a: {{hub .ManagedClusterName hub}}"}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    path = paths.config_map("kube-system", "oadp")
    await hub.request("POST", path.removesuffix("/oadp"), body=body)
    payloads = Payloads(DRIVERS, hub, "ns:name", UncheckedPolicy.TRUST)
    spec = IbuSpec(oadp_content=[ObjectRef("oadp", "kube-system")])
    found = await payloads.read(referring(spec))
    assert "ConfigMap kube-system/oadp b.yaml, line 1, has a hub template" in found.problem
    assert payloads.content("r") is None
