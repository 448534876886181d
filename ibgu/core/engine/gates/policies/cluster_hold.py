"""The gate of single clusters that somebody holds by annotation (R50.12)."""

from ibgu.core.engine.gate import GateInput, kept_by_policy, of_policies
from ibgu.core.engine.gates.gate import Candidate, MemberGate
from ibgu.core.model import ActingParty, PolicyRule, Reason, names
from ibgu.core.model.bounds import moment
from ibgu.core.model.meaning import Meaning
from ibgu.core.text.harmless import one_line
from ibgu.core.text.spans import utc

_MAX_CHARACTERS = 200
"""Characters that are shown of an annotation."""


def _held(candidate: Candidate) -> Reason | None:
    found, now = candidate.cluster.annotations, candidate.now
    if names.HOLD not in found:
        return None
    words = f"{_shown(found[names.HOLD]) or 'somebody'} holds the cluster"
    why = f": {_shown(found[names.HOLD_REASON])}" if found.get(names.HOLD_REASON) else ""
    given = found.get(names.HOLD_UNTIL)
    if given is None:
        ends = f"until the annotation {names.HOLD} is removed"
        return kept_by_policy(f"{words} {ends}{why}", now, who=ActingParty.PERSON)
    until = moment(given)
    if until is None:
        ends = f'{names.HOLD_UNTIL} is "{_shown(given)}", and no time such as 2026-12-02T00:00:00Z'
        return kept_by_policy(f"{words}{why}; {ends}", now, who=ActingParty.PERSON)
    return kept_by_policy(f"{words} until {utc(until)}{why}", now, until) if now < until else None


def _shown(given: str) -> str:
    return one_line(given[:_MAX_CHARACTERS])


MEANING = Meaning(
    f"the ManagedCluster carries the annotation {names.HOLD}",
    f"the time of {names.HOLD_UNTIL} comes, or the annotation is removed",
    "ask the one who holds the cluster",
)
CLUSTER_HOLD = MemberGate(
    name="ClusterHold",
    check=_held,
    reasons=of_policies(MEANING),
    rule=PolicyRule.CLUSTER_HOLD,
    needs=frozenset({GateInput.CLUSTER, GateInput.TIME}),
    chained=lambda action: True,
)
