"""What Prep carries is read from the hub by the names that the IBGU gives."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ibgu.controller.payloads import Payloads
from ibgu.core.kinds import IbguSpec, IbuSpec, NameRef, ObjectRef, SeedImageRef
from ibgu.core.model import Rollout
from ibgu.core.references import Unchecked
from ibgu.hub.errors import HubError
from ibgu.sim.hub import MemoryClient, MemoryHub


def referring(spec: IbuSpec) -> Rollout:
    now = datetime.now(UTC)
    given = IbguSpec(ibu_spec=spec)
    return Rollout(uid="r", namespace="default", name="r", created_at=now, spec=given)


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        (IbuSpec(oadp_content=[ObjectRef(".", "default")]), "ConfigMap default/., "),
        (IbuSpec(extra_manifests=[ObjectRef("extra", "")]), "ConfigMap /extra, "),
        (IbuSpec(SeedImageRef(pull_secret_ref=NameRef(".."))), "Secret default/.., "),
    ],
)
async def test_what_can_not_exist_holds_the_rollout(spec: IbuSpec, what: str) -> None:
    """Kubernetes' schema of an IBGU takes any string there."""
    hub = MemoryClient(MemoryHub(now=lambda: 0.0))
    found = await Payloads(hub, "ns:name").read(referring(spec))
    assert found.problem.startswith(f"spec.ibuSpec refers to {what}which can't exist: '")


class _NotAllowed(MemoryClient):
    """To a hub that does not let ibgu look whether the admission policy is there."""

    async def request(self, method: str, path: str, **given: Any) -> bytes:
        if "/validatingadmissionpolic" in path:
            raise HubError(403, "Forbidden", "not allowed", method=method, path=path)
        return await super().request(method, path, **given)


async def test_where_it_may_not_look_nothing_counts_as_checked() -> None:
    hub = _NotAllowed(MemoryHub(now=lambda: 0.0))
    spec = IbuSpec(oadp_content=[ObjectRef("oadp", "elsewhere")])
    confined = await Payloads(hub, "ns:name", Unchecked.NAMESPACE).read(referring(spec))
    assert "refers to ConfigMap elsewhere/oadp outside of namespace default" in confined.problem
    trusting = await Payloads(hub, "ns:name", Unchecked.TRUST).read(referring(spec))
    assert trusting.problem == trusting.unchecked == ""
    assert trusting.warnings[0].startswith("ConfigMap elsewhere/oadp is not on the hub")
