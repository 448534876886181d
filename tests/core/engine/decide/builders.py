"""IBGUs and rollouts to start with."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from ibgu.core.engine.state import UnreadableRollout
from ibgu.core.model import Rollout
from ibgu.core.model.kinds import (
    IbuSpec,
    LabelSelector,
    ManagedFieldsMeta,
    PlanItem,
    RolloutObject,
    RolloutSpec,
    RolloutStrategy,
    SeedImageRef,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
DIGEST = f"sha256:{'a' * 64}"
SEED_BY_DIGEST = f"quay.io/seed@{DIGEST}"
SEED = SeedImageRef(image="quay.io/seed:4.18", version="4.18.1")


def plan_of(steps: Iterable[str], concurrency: int = 10, timeout: int = 240) -> list[PlanItem]:
    """Each step as "Prep Upgrade"; the timeout is in minutes."""
    strategy = RolloutStrategy(max_concurrency=concurrency, timeout=timeout)
    return [PlanItem(step.split(), strategy) for step in steps]


def ibgu(
    name: str,
    *steps: str,
    concurrency: int = 10,
    timeout: int = 240,
    age: int = 0,
    selectors: Sequence[LabelSelector] = (LabelSelector(),),
    generation: int = 1,
) -> RolloutObject:
    """`age`: minutes before START that it was created."""
    created = (START - timedelta(minutes=age)).isoformat()
    meta = ManagedFieldsMeta(
        name=name,
        namespace="fleet",
        uid=f"uid-{name}",
        generation=generation,
        creation_timestamp=created,
    )
    plan = plan_of(steps, concurrency, timeout)
    return RolloutObject(meta, RolloutSpec(IbuSpec(SEED), list(selectors), plan))


def seeded(obj: RolloutObject, image: str = SEED_BY_DIGEST) -> RolloutObject:
    """Returns the object with another seed image."""
    ibu = replace(obj.spec.ibu_spec, seed_image_ref=replace(SEED, image=image))
    return replace(obj, spec=replace(obj.spec, ibu_spec=ibu))


def rollout_of(obj: RolloutObject) -> Rollout:
    meta = obj.metadata
    return Rollout(
        uid=meta.uid,
        namespace=meta.namespace,
        name=meta.name,
        created_at=datetime.fromisoformat(meta.creation_timestamp),
        spec=obj.spec,
        kind=obj.kind,
    )


def unreadable_rollout(*clusters: str, **more: Any) -> UnreadableRollout:
    """Returns fleet/x, which has or had the clusters, and whose records are damaged."""
    fields: dict[str, Any] = {
        "uid": "uid-x",
        "namespace": "fleet",
        "name": "x",
        "error": "damaged",
        "claims": {},
        "cancellers": {},
        "clusters": frozenset(clusters),
    }
    return UnreadableRollout(**fields | more)
