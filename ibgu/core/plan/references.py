"""An IBGU's references, and whether they may be brought to clusters on its author's behalf.

ibgu reads ConfigMaps and pull secrets with its own rights. Only the API server, by the chart's
admission policy, checks that the author may read them, too.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from ibgu.core.model import Rollout
from ibgu.core.model.kinds import Reference
from ibgu.core.text.counted import first_names

POLICY = "ibgu-payload-references"
"""The name of the chart's ValidatingAdmissionPolicy, and of its binding."""
MAX_CONFIG_MAPS = 26
"""The number of references above which the policy refuses an IBGU."""
SETTLED = timedelta(seconds=10)
"""The delay with which API servers, which watch policies, may enforce a new one."""
_SHOWN = 3
"""References that a message names, at most."""


class UncheckedPolicy(StrEnum):
    """The handling of references whose author was not checked."""

    AUTO = "auto"
    """NAMESPACE where the policy is on the hub, TRUST where it is not."""
    TRUST = "trust"
    """References are carried, as TALM does."""
    NAMESPACE = "namespace"
    """References are carried if they are in the IBGU's own namespace."""

    def on_hub(self, enforced: datetime | None) -> "UncheckedPolicy":
        """Returns what AUTO means on this hub; `enforced`: since when the policy is, None: not."""
        if self is not UncheckedPolicy.AUTO:
            return self
        return UncheckedPolicy.TRUST if enforced is None else UncheckedPolicy.NAMESPACE


class ReferenceVerdict(Struct, frozen=True):
    problem: str = ""
    """Why only a step that carries the references already may do so; empty: all may."""
    warning: str = ""
    """References that are carried although it was not checked their author."""


def older(created: datetime, enforced: datetime) -> bool:
    """Whether an IBGU may have been created before the policy was enforced."""
    return created <= enforced + SETTLED


def judge_references(
    rollout: Rollout, named: Sequence[Reference], enforced: datetime | None, rule: UncheckedPolicy
) -> ReferenceVerdict:
    """Judges the references that the rollout's spec names; `enforced`: since when the policy is,
    None: it is not.

    Without a policy on the hub, trusted references are not reported: all of them are trusted.
    """
    if not named or (enforced is not None and not older(rollout.created_at, enforced)):
        return ReferenceVerdict()
    foreign = [ref for ref in named if ref.namespace != rollout.namespace]
    refused = foreign and rule.on_hub(enforced) is UncheckedPolicy.NAMESPACE
    return ReferenceVerdict(
        problem=_refusal(rollout, foreign, enforced) if refused else "",
        warning=_warning(named) if enforced is not None else "",
    )


def _refusal(rollout: Rollout, foreign: list[Reference], enforced: datetime | None) -> str:
    if enforced is None:
        why = f"the admission policy {POLICY} is not on the hub, or ibgu may not read it"
        do = (
            "Install the chart with payloadPolicy, then delete the ImageBasedGroupUpgrade and "
            f"create it again; or create it with ConfigMaps of namespace {rollout.namespace}"
        )
    else:
        why = f"it is older than the admission policy {POLICY}"
        do = (
            "Pause the ImageBasedGroupUpgrade and wait until no cluster is in flight; then delete "
            "it, which cancels its waiting clusters, and create it again: then it is checked"
        )
    return (
        f"spec.ibuSpec refers to {_some(foreign)} outside of namespace {rollout.namespace}, and "
        f"it was not checked whether its author may read that: {why}. {do}. Or "
        "set IBGU_PAYLOAD_REFERENCES=trust, which trusts every unchecked IBGU of the hub"
    )


def _warning(named: Sequence[Reference]) -> str:
    return (
        f"it was not checked whether its author may read {_some(named)}: it is older than the "
        f"admission policy {POLICY}"
    )


def _some(refs: Sequence[Reference]) -> str:
    return first_names(map(str, refs), _SHOWN)
