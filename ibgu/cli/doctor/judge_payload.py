"""Judges where ibgu may read the ConfigMaps and pull secrets that it carries to clusters."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from ibgu.cli.doctor.facts import Missing, PayloadAccess, Rights, Subject
from ibgu.cli.doctor.findings import Finding, error, ok, skipped, warning
from ibgu.cli.doctor.judge_rights import undetermined
from ibgu.hub.authorization.consequences import consequence
from ibgu.hub.authorization.rights import Right

_CHECK = "ConfigMaps and secrets"
_NAMESPACES = "payload namespaces"


def judge_payload(payload: PayloadAccess | Missing) -> Iterator[Finding]:
    """Yields the findings by namespace, as RoleBindings are per namespace."""
    if not isinstance(payload, PayloadAccess):
        yield undetermined(_CHECK, payload, "see the finding about rights")
        return
    yield from _named(payload.named, payload.absent)
    yield from _meant(payload.meant, payload.absent)


def _named(review: Rights, absent: Sequence[str]) -> Iterator[Finding]:
    if not review.asked:
        yield skipped(_CHECK, "no IBGU refers to any yet")
    elif not review.refused:
        yield ok(_CHECK, f"all {review.asked} that IBGUs refer to may be read by name")
    for namespace, rights in _by_namespace(review).items():
        names = ", ".join(f"{right.resource.removesuffix('s')} {right.name}" for right in rights)
        if namespace in absent:
            words = f"namespace {namespace} is not on the hub, but IBGUs refer to {names} there"
            do = (
                f"deliver them to the clusters another way; or {_create(namespace, review.subject)}"
            )
            yield warning(_CHECK, words, do)
        else:
            words = f"may not read in namespace {namespace}: {names}"
            means = consequence(rights[0]).words
            yield error(_CHECK, f"{words}; {means}", _bind(namespace, review.subject))


def _meant(review: Rights, absent: Sequence[str]) -> Iterator[Finding]:
    refused = _by_namespace(review)
    if review.asked and not refused:
        yield ok(_NAMESPACES, "ibgu may read in all of them (IBGU_PAYLOAD_NAMESPACES)")
    for namespace in refused:
        if namespace in absent:
            words = f"namespace {namespace} is not on the hub, so ibgu delivers nothing from it"
            do = f"to deliver ConfigMaps from it, {_create(namespace, review.subject)}"
            yield skipped(_NAMESPACES, words, do)
        else:
            words = f"{review.subject.name} may not read ConfigMaps and secrets in {namespace}"
            yield warning(_NAMESPACES, words, _bind(namespace, review.subject))


def _create(namespace: str, subject: Subject) -> str:
    return f"create the namespace, then run helm upgrade, or: {_bind(namespace, subject)}"


def _bind(namespace: str, subject: Subject) -> str:
    flag = f"--serviceaccount={subject.account}" if subject.account else f"--user={subject.name}"
    return (
        f"oc create rolebinding ibgu-payload-reader -n {namespace} "
        f"--clusterrole=ibgu-payload-reader {flag}"
    )


def _by_namespace(review: Rights) -> dict[str, list[Right]]:
    found: dict[str, list[Right]] = defaultdict(list)
    for right in review.refused:
        found[right.namespace].append(right)
    return found
