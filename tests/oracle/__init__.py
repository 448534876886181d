"""The oracle: a second opinion on what the engine did, from the event log alone (R44).

The rules are written down once more, in the words of the log (`rules.py`). Of the engine, only what
cron expressions and time zones mean is used; of drivers nothing: `ibu_proofs.py` and
`update_proofs.py` say what the recorded feedback of each kind proves. A rule that changes is
changed here, too.

The journal has every version of a RolloutPolicy with its time. Each start is recorded with what
policies read: the labels by which they select rollouts and clusters, the cluster's time zone, how
long the action was expected to take, the author of a step that other people must approve, and the
labels by which other clusters in flight count, if no start before has them. So `inFlight` and
`perTopology` are counted again from the log. A start is right if it was right under any version
that the controller may have decided by: one that was in force 70 seconds before, as the journal's
answer may take so long, or of 15 seconds later, as a turn reads the policies after the time of its
events.

Some facts are the controller's own, as what they follow from is not in the history: the expected
time, the author of the step, the number of clusters of which an `inFlight` is a share, the canaries
and failures that a policy counts by labels (up to 50 of each), and since when all canaries were
well. They are taken as they are, and judged by. It is not believed that a failure counts for
nothing, or that a cluster is a canary, if the labels say otherwise: such a start is counted as not
judged. So are a start within the soak of canaries that may have left the hub, unless a later event
shows one of them; starts of a clean-up while a budget is spent; and what rests on events from
before a restore or a takeover from TALM. What failures hold, they also hold behind broken glass.

Of a canary that a policy rolls back (R50.19) the history shows that it was well, that the step had
taken it to another release and completed nothing, and what held the rollout; what was reported of
the canary is not there. That the words of a failure that is tried again (R50.20) are transient is
not judged again.
"""

from tests.oracle.certifier import KNOWN, Certifier, Findings
from tests.oracle.events import Event, Leader
from tests.oracle.policies import PolicyTotals
from tests.oracle.policy_versions import PolicyVersion
from tests.oracle.rules import Rule, Violation

__all__ = [
    "KNOWN",
    "Certifier",
    "Event",
    "Findings",
    "Leader",
    "PolicyTotals",
    "PolicyVersion",
    "Rule",
    "Violation",
]
