"""Explains what each missing right of ibgu means for people."""

from msgspec import Struct

from ibgu.core.plan.grants import POLICY as GRANT_POLICY
from ibgu.core.talm.beside import POLICY
from ibgu.hub.authorization.rights import Right, role_of


class Consequence(Struct, frozen=True):
    words: str
    vital: bool = True
    """Whether ibgu can't work without the right."""


_TALM = Consequence("ibgu can't tell whether TALM is running, and starts nothing before it can")
_LEAD = Consequence("no controller can lead")
_START = Consequence("ibgu does not start")
_API = Consequence("the REST API can't tell who asks, and refuses everybody")
_PAYLOAD = Consequence("steps with Prep of the IBGUs that refer to it do not start")
_UNCHECKED = Consequence(
    "all IBGUs count as unchecked: IBGU_PAYLOAD_REFERENCES says what they may refer to", vital=False
)
_ABSENT = Consequence(
    "a ConfigMap in a namespace that is not on the hub counts as forbidden, and its IBGU is held",
    vital=False,
)
_BESIDE = Consequence("ibgu does not act beside a live TALM", vital=False)
_GRANTS = Consequence("nothing starts that a policy lets start with approval, and no glass breaks")
_UNPROVEN = Consequence("no approval counts, and no glass breaks", vital=False)
_TENANCY = Consequence("no cluster may be taken while tenancy is on (IBGU_TENANCY)")

_ADOPT = Consequence("no rollout can be taken over from TALM (ibgu.dev/adopt)", vital=False)
_BY_RESOURCE = {
    "manifestworkreplicasets": _ADOPT,
    "imagebasedgroupupgrades": Consequence("no rollout is seen"),
    "imagebasedgroupupgrades/status": Consequence("the IBGU's status does not show its progress"),
    "fleetupdates": Consequence("no rollout is seen: ibgu waits until it sees all of every kind"),
    "seedimages": Consequence("nothing new starts with a seed image that is named by its digest"),
    "rolloutpolicies": Consequence("nothing starts that a policy could hold"),
    "rolloutapprovals": _GRANTS,
    "breakglasses": _GRANTS,
    "fleetupdates/status": Consequence("the FleetUpdate's status does not show its progress"),
    "managedclusters": Consequence("no cluster is seen, and no step starts"),
    "managedclustersets": _TENANCY,
    "managedclustersetbindings": _TENANCY,
    "manifestworks": Consequence("ibgu does not see what clusters report"),
    "events": Consequence("there are no Events on IBGUs and FleetUpdates", vital=False),
    "deployments": _TALM,
    "clustergroupupgrades": Consequence("ibgu can't tell what TALM has not finished"),
    "namespaces": _START,
    "policies": Consequence(
        "no canary counts as well where a RolloutPolicy asks whether it complies with its policies "
        "(canaries.health.policies)",
        vital=False,
    ),
    "tokenreviews": _API,
    "subjectaccessreviews": _API,
    "validatingadmissionpolicies": _UNCHECKED,
    "validatingadmissionpolicybindings": _UNCHECKED,
    "configmaps": _PAYLOAD,
    "secrets": _PAYLOAD,
}
_BY_VERB = {
    ("clustergroupupgrades", "patch"): _ADOPT,
    ("clustergroupupgrades", "delete"): _ADOPT,
    ("imagebasedgroupupgrades", "create"): Consequence(
        "ibgu makes no rollout that a RolloutPolicy asks for: broken canaries are not rolled back "
        "(canaries.rollback), failed clusters are not tried again (retry), and a person has to",
        vital=False,
    ),
    ("leases", "list"): Consequence(
        "ibgu can't tell whether another ibgu leads this hub from another namespace", vital=False
    ),
    ("leases", "watch"): Consequence(
        "a leader that stops is relieved up to half a second later", vital=False
    ),
    ("managedclusters", "patch"): Consequence(
        "the ibgu labels of clusters are not kept, and no Upgrade starts"
    ),
    ("managedclusters", "get"): Consequence(
        "a label may be written late after a change that the watch has missed", vital=False
    ),
    ("manifestworks", "create"): Consequence("no cluster is reached for the first time"),
    ("manifestworks", "patch"): Consequence("no action is started or taken back"),
    ("manifestworks", "delete"): Consequence(
        "ibgu's ManifestWorks stay on the hub for ever", vital=False
    ),
    ("manifestworks", "get"): Consequence(
        "a work that someone else has changed may be misjudged for a while", vital=False
    ),
}


def consequence(right: Right) -> Consequence:
    if right.path:
        return _START
    if right.resource == "namespaces" and not right.name:
        return _ABSENT
    if right.name == POLICY:
        return _BESIDE
    if right.name == GRANT_POLICY:
        return _UNPROVEN
    known = _BY_VERB.get((right.resource, right.verb))
    if right.resource == "leases":
        return known or (_LEAD if role_of(right) == "leader" else _TALM)
    return known or _BY_RESOURCE[right.resource]
