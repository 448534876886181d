"""What Prep carries is read from the hub by the names that the IBGU gives."""

from datetime import UTC, datetime

import pytest

from ibgu.controller.payloads import Payloads
from ibgu.core.kinds import IbguSpec, IbuSpec, NameRef, ObjectRef, SeedImageRef
from ibgu.core.model import Rollout
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
