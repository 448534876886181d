"""Judges rights: what is missing, what that means, which command grants it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from ibgu.cli.doctor.facts import Missing, NotTried, Rights, Subject
from ibgu.cli.doctor.findings import Finding, error, ok, skipped, warning
from ibgu.hub.authorization.consequences import Consequence, consequence
from ibgu.hub.authorization.rights import Right, role_of


def judge_rights(review: Rights | Missing, *, user: bool) -> Iterator[Finding]:
    if not isinstance(review, Rights):
        yield undetermined(
            "rights", review, "allow the kubeconfig's user to create SelfSubjectAccessReviews"
        )
    elif not review.refused:
        yield ok("rights", f"{review.subject.name} has all {review.asked} that are needed")
    elif user:
        yield from _of_user(review)
    else:
        yield from _of_ibgu(review)


def undetermined(check: str, missing: Missing, do: str) -> Finding:
    """Returns the finding of what could not be determined."""
    if isinstance(missing, NotTried):
        return skipped(check, missing.why)
    return error(check, missing.why, do)


def _of_ibgu(review: Rights) -> Iterator[Finding]:
    groups: dict[tuple[str, Consequence], list[Right]] = defaultdict(list)
    for right in sorted(review.refused, key=role_of):
        groups[_object(right), consequence(right)].append(right)
    for (what, means), rights in groups.items():
        verbs = ", ".join(dict.fromkeys(right.verb for right in rights))
        found = f"{review.subject.name} may not {verbs} {what}{_where(rights)}: {means.words}"
        tell = error if means.vital else warning
        yield tell("rights", found, _bind(rights[0], review.subject))


def _object(right: Right) -> str:
    return str(replace(right, namespace="")).removeprefix(f"{right.verb} ")


def _where(rights: Iterable[Right]) -> str:
    names = dict.fromkeys(right.namespace for right in rights if right.namespace)
    return f" in {' and '.join(names)}" if names else ""


def _bind(right: Right, subject: Subject) -> str:
    """Returns the command that binds the chart's role with the right, for an installation by
    hand."""
    role = f"ibgu-{role_of(right)}"
    kind, where = (
        ("role", f" -n {right.namespace}") if role == "ibgu-leader" else ("clusterrole", "")
    )
    flag = f"--serviceaccount={subject.account}" if subject.account else f"--user={subject.name}"
    binding = "rolebinding" if where else "clusterrolebinding"
    return (
        f"install the chart's roles (charts/ibgu/files/rbac), then: "
        f"oc create {binding} {role}{where} --{kind}={role} {flag}"
    )


def _of_user(review: Rights) -> Iterator[Finding]:
    for right in review.refused:
        found = f"{review.subject.name} may not {right}: {_USER[right.verb, right.resource]}"
        tell = error if right.namespace and right.verb == "get" else warning
        yield tell("rights", found, "ask an administrator of the hub for a role that allows it")


_USER = {
    ("get", "imagebasedgroupupgrades"): "ibgu get, status and explain can't show rollouts there",
    ("get", "managedclusters"): "ibgu explain needs the rollout's name, and shows no history",
    ("patch", "imagebasedgroupupgrades"): "you can read rollouts, but not append steps or resume",
}
