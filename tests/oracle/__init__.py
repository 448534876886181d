"""The oracle: a second opinion on what the engine did, from the event log alone (R44).

The rules are written down once more, in the words of the log (`rules.py`). Of the engine, only what
cron expressions and time zones mean is used; of drivers nothing: `ibu_proofs.py` and
`update_proofs.py` say what the recorded feedback of each kind proves. A rule that changes is
changed here, too.

The journal has every version of a RolloutPolicy with its time. Each start is recorded with what
policies read: labels of rollout and cluster, the cluster's time zone, how long the action was
expected to take, and the author of a step that others must approve. It has the labels of other
clusters in flight, too, if no start before has them. So `inFlight` and `perTopology` are counted
again from the log. A start is right if it was right under any version that the controller may have
decided by. The journal's answer may take 70 seconds, so one that was in force before counts. A turn
reads the policies after the time of its events, so one of 15 seconds later counts, too.

Some facts are the controller's own, as the history does not have what they follow from. These are
the expected time, the author of the step, and the number of clusters of which an `inFlight` is a
share. The others are the canaries and failures that a policy counts by labels (up to 50 of each),
and since when all canaries were well. They are taken as they are. Three kinds of starts are counted
as not judged. In the first a failure counts for nothing, or a cluster is a canary, against what the
labels say. In the second canaries that still soak may have left the hub. The third are clean-ups
while a budget is spent. So is what rests on events from before a restore or a takeover from TALM.
What failures hold, they also hold behind broken glass.

Of a canary that a policy rolls back (R50.19) the history shows that it was well, what the step had
taken it to, and what held the rollout. What was reported of the canary is not there. That the words
of a failure that is tried again (R50.20) are transient is not judged again.
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
