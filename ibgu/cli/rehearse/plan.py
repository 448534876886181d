"""Makes what is rehearsed of a manifest, the clusters of the hub, and its policies."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec

from ibgu.cli.content.files import documents_of, files_of
from ibgu.client import RestError
from ibgu.core.drivers import DRIVERS
from ibgu.core.engine.timing.durations import DurationStats
from ibgu.core.model import ActionName, ClusterView
from ibgu.core.model.kinds import RolloutObject
from ibgu.core.model.rollout_policy import PolicyState, RolloutPolicy
from ibgu.core.rehearsal.model import RehearsedPlan
from ibgu.core.rehearsal.planned import (
    NotRehearsable,
    RehearsedRollout,
    followed,
    planned,
    readable,
)


def rehearsed(
    manifest: Mapping[str, Any],
    clusters: Sequence[ClusterView],
    policies: Sequence[RolloutPolicy],
    durations: Mapping[ActionName, DurationStats],
    begin: datetime,
) -> RehearsedPlan:
    """Returns the plan of a manifest that the preview has found valid. Raises RestError."""
    try:
        found = msgspec.json.decode(msgspec.json.encode(manifest), type=RolloutObject)
    except msgspec.ValidationError as error:
        raise RestError(f"can't read the manifest: {error}") from error
    meta = found.metadata
    rollout = RehearsedRollout(
        driver=DRIVERS[str(manifest["kind"])],
        spec=found.spec,
        namespace=meta.namespace,
        labels=meta.labels,
        annotations=meta.annotations,
    )
    with _not_rehearsable():
        return planned(rollout, clusters, policies, durations, begin)


@contextmanager
def _not_rehearsable() -> Iterator[None]:
    try:
        yield
    except NotRehearsable as error:
        raise RestError(str(error)) from error


def of_hub(state: PolicyState) -> list[RolloutPolicy]:
    """Returns the policies of the hub. Raises RestError for one that can't be followed: it holds
    the rollout, and there is nothing to rehearse."""
    with _not_rehearsable():
        return readable(state)


def of_files(paths: Sequence[Any]) -> list[RolloutPolicy]:
    """Returns the policies in these files or directories. Raises RestError."""
    found = []
    for each in documents_of(files_of(list(paths))):
        if each.problem:
            raise RestError(f"{each.file}, line {each.line}: {each.problem}")
        if each.kind == "RolloutPolicy":
            try:
                policy = msgspec.convert(each.body, RolloutPolicy)
            except msgspec.ValidationError as error:
                raise RestError(f"{each.file}, line {each.line}: {error}") from error
            with _not_rehearsable():
                found.append(followed(policy))
    return found
