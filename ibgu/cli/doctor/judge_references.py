"""Judges who checks that the authors of IBGUs may read what these bring to clusters."""

from ibgu.cli.doctor.facts import Missing, References
from ibgu.cli.doctor.findings import Finding, ok, warning
from ibgu.cli.doctor.judge_rights import undetermined
from ibgu.core.plan.references import POLICY, UncheckedPolicy

_CHECK = "references"
_INSTALL = "install the chart with payloadPolicy, on Kubernetes 1.30 (OpenShift 4.17) or newer"
_SHOWN = 3
"""IBGUs that are named in a line."""


def judge_references(references: References | Missing) -> Finding:
    if not isinstance(references, References):
        return undetermined(_CHECK, references, "see the finding about rights")
    if references.enforced is None:
        return _without_policy(references.unchecked)
    if references.older:
        return _older(references.older, references.unchecked)
    words = f"the admission policy {POLICY} checks what IBGUs refer to with their author's rights"
    return ok(_CHECK, words)


def _without_policy(unchecked: UncheckedPolicy) -> Finding:
    lacks = f"the admission policy {POLICY} is not on the hub"
    if unchecked is UncheckedPolicy.NAMESPACE:
        words = "ConfigMaps outside of an IBGU's namespace are refused (IBGU_PAYLOAD_REFERENCES)"
        return ok(_CHECK, f"{lacks}; {words}")
    words = (
        f"{lacks}: anyone who may create an IBGU can deliver any ConfigMap or pull "
        "secret that ibgu may read to a cluster, and read it there"
    )
    return warning(_CHECK, words, f"{_INSTALL}; else set IBGU_PAYLOAD_REFERENCES=namespace")


def _older(names: tuple[str, ...], unchecked: UncheckedPolicy) -> Finding:
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    what = (
        "their ConfigMaps of other namespaces are refused"
        if unchecked is UncheckedPolicy.NAMESPACE
        else "what they refer to is trusted"
    )
    words = f"older than the admission policy {POLICY} and so unchecked: {shown}; {what}"
    return warning(
        _CHECK,
        words,
        "delete those that you don't trust, and create them again so that the policy checks them",
    )
