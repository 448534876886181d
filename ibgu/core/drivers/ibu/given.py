"""Warns of fields of `spec.ibuSpec` that the clusters' Lifecycle Agents would refuse.

From Prep until a cluster is back at Idle no field may change: every request carries the whole spec.
"""

from collections.abc import Iterator, Mapping, Sequence

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.drivers.ibu.works.manifests import ibu_spec
from ibgu.core.engine.driver import GivenSpec
from ibgu.core.model import ActionName, traits
from ibgu.core.model.kinds import IbuSpec, JsonObject

_NAMED = 3


def refused_fields(
    action: ActionName, clusters: Sequence[str], spec: IbuSpec, given: Mapping[str, GivenSpec]
) -> Iterator[str]:
    """Yields a warning for each field and each rollout whose spec had it otherwise; `given` by
    cluster."""
    if traits(action).stage == Stage.IDLE:
        return
    wanted = ibu_spec(spec)
    found: dict[tuple[str, str], list[str]] = {}
    for cluster in clusters:
        last = given.get(cluster)
        if last is None or traits(last.action).stage == Stage.IDLE:
            continue
        for words in _differences(wanted, last):
            found.setdefault((words, last.rollout), []).append(cluster)
    for (words, rollout), names in found.items():
        yield _warning(words, rollout, action, names)


def _differences(wanted: JsonObject, last: GivenSpec) -> Iterator[str]:
    before = ibu_spec(last.spec.ibu_spec)
    for field in dict.fromkeys([*before, *wanted]):
        if wanted.get(field) == before.get(field):
            continue
        name = f"spec.ibuSpec.{field}"
        if last.readable and field not in wanted:
            yield f"{name} is missing"
        elif last.readable and field not in before:
            yield f"{name} is new"
        else:
            yield f"{name} differs"


def _warning(words: str, rollout: str, action: ActionName, clusters: Sequence[str]) -> str:
    one = len(clusters) == 1
    effect = (
        f"{'keeps' if one else 'keep'} it: Prep counts as done there, or fails"
        if action == Action.PREP
        else f"{'refuses' if one else 'refuse'} {action}"
    )
    more = ", …" if len(clusters) > _NAMED else ""
    return (
        f"{words}: {'1 cluster was' if one else f'{len(clusters)} clusters were'} prepared or "
        f"upgraded by {rollout} with another value, and {effect}, "
        "because no field may change before Idle; copy the field from there "
        f"({', '.join(clusters[:_NAMED])}{more})"
    )
