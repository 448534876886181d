"""`ibgu certify`: what was checked, what was found, over which events."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from msgspec import Struct

from ibgu.cli.show import symbols
from ibgu.cli.show.output_style import OutputStyle
from ibgu.core.assurance.certify import (
    MEANS,
    Event,
    Findings,
    PolicyTotals,
    Rule,
    Violation,
)
from ibgu.core.model import Rollout, RolloutState
from ibgu.core.text.counted import counted
from ibgu.core.text.harmless import one_line

KIND = "RolloutCertificate"
"""The JSON's kind: a signature of something else can't be taken for one of a certificate."""
_COUNTED = 12
"""Digits of the column that counts checks, with commas."""


class Certificate(Struct, frozen=True):
    version: str
    hub: str
    rollout: Rollout
    findings: Findings
    at: datetime
    """The time by the database's clock."""
    leaders: dict[int, str]

    @property
    def verdict(self) -> str:
        return "certified" if self.findings.valid else "not certified"

    @property
    def over(self) -> bool:
        return self.rollout.state in (RolloutState.COMPLETE, RolloutState.DELETED)


def as_text(found: Certificate, style: OutputStyle) -> list[str]:
    colour = "green" if found.findings.valid else "red"
    verdict = style.paint(found.verdict.upper(), colour, bold=True)
    return [
        f"{found.rollout.full_name}   {verdict}",
        *_what(found),
        "",
        *_checks(found, style),
        *_violations(found, style),
        *_notes(found),
        "",
        *_signature(found),
    ]


def _what(found: Certificate) -> Iterator[str]:
    findings = found.findings
    totals, rollout = findings.totals, found.rollout
    state = rollout.state if found.over else f"{rollout.state}, until now"
    yield f"  uid      {rollout.uid}, {state}"
    if findings.first and findings.last:
        (first, since), (last, until) = findings.first, findings.last
        span = f"{since:%Y-%m-%d %H:%M:%S} to {until:%Y-%m-%d %H:%M:%S} UTC"
        yield f"  events   {findings.events:,} (#{first} to #{last}), {span}"
    if findings.others:
        yield f"           {findings.others:,} more of other rollouts on the same clusters"
    running = f", {totals.in_flight} in flight now" if totals.in_flight else ""
    yield (
        f"  members  {totals.members:,} in {totals.steps} steps, {totals.runs:,} runs, "
        f"{totals.unfinished} without an end yet{running}"
    )
    epochs = ", ".join(f"{epoch} ({holder})" for epoch, holder in found.leaders.items())
    yield f"  epochs   {epochs or 'none'}"
    yield f"  policies {_policies(findings.policies)}"


def _policies(totals: PolicyTotals | None) -> str:
    if totals is None:
        return "were not among the evidence"
    if not totals.starts:
        return "none in force at its starts"
    policies = counted(totals.policies, "policy", "policies")
    summary = f"{totals.starts:,} starts under {policies}"
    if not totals.unjudged:
        return summary
    unknown = ", ".join(f"{what} ({count:,})" for what, count in totals.unknown.items())
    return f"{summary}, {totals.unjudged:,} of them not checked: not known are {unknown}"


def _checks(found: Certificate, style: OutputStyle) -> Iterator[str]:
    findings = found.findings
    for rule in Rule:
        checks, broken = findings.checks.get(rule, 0), findings.broken.get(rule, 0)
        mark = style.paint(symbols.FAILED, "red") if broken else style.paint(_mark(checks), "green")
        words = f", {broken:,} violations" if broken else ""
        yield f"  {mark} {MEANS[rule]:<58} {checks:>{_COUNTED},} checks{words}"
        if rule is Rule.POLICIES:
            yield from _passed(findings.policies, style)


def _passed(totals: PolicyTotals | None, style: OutputStyle) -> Iterator[str]:
    """Yields which policies did not hold what they would have: no violation, as somebody may."""
    for each in totals.passed if totals is not None else ():
        starts = counted(each.starts, "start", spec=",")
        users = ", ".join(map(one_line, each.users))
        mark = style.paint(symbols.WARNING, "yellow")
        words = f"{starts} passed RolloutPolicy/{one_line(each.policy)} by break glass of {users}"
        yield f"  {mark} {words}"


def _mark(checks: int) -> str:
    return symbols.SUCCEEDED if checks else symbols.SKIPPED


def _violations(found: Certificate, style: OutputStyle) -> Iterator[str]:
    for violation in found.findings.violations:
        yield ""
        rule = style.paint(violation.rule, "red", bold=True)
        yield f"{rule}: {violation.words}"
        yield f"    {event_line(violation.event)}"
        if violation.others:
            yield f"    does not go with {', '.join(f'#{seq}' for seq in violation.others)}"
    left = sum(found.findings.broken.values()) - len(found.findings.violations)
    if left:
        yield ""
        yield f"{left:,} more violations of the same rules are not listed"


def event_line(event: Event) -> str:
    where = f" {event.cluster}" if event.cluster else ""
    step = "" if event.step is None else f" step {event.step + 1}"
    return f"#{event.seq} {event.at:%Y-%m-%d %H:%M:%S}{where}{step} {event.kind}: {event.why}"


def _notes(found: Certificate) -> Iterator[str]:
    if found.findings.imported:
        yield ""
        yield (
            f"{found.findings.imported:,} events were imported after a restore: earlier "
            "ones can't be proven"
        )
    if found.findings.unknown:
        unknown_kinds = ", ".join(
            f"{kind} ({count})" for kind, count in found.findings.unknown.items()
        )
        yield ""
        yield f"Not checked, because this version does not know them: {unknown_kinds}"


def _signature(found: Certificate) -> Iterator[str]:
    yield f"sha256 {found.findings.digest}"
    if found.findings.others:
        yield f"sha256 {found.findings.others_digest} (of the other rollouts' events)"
    yield f"ibgu {found.version}, {found.at:%Y-%m-%d %H:%M:%S} UTC, hub {found.hub}"


def as_json_text(found: Certificate) -> str:
    return json.dumps(as_json(found), indent=2, ensure_ascii=False)


def as_json(found: Certificate) -> dict[str, Any]:
    findings, rollout = found.findings, found.rollout
    return {
        "kind": KIND,
        "verdict": found.verdict,
        "rollout": {
            "namespace": rollout.namespace,
            "name": rollout.name,
            "uid": rollout.uid,
            "state": rollout.state,
        },
        "hub": found.hub,
        "at": found.at.isoformat(),
        "version": found.version,
        "events": {
            "count": findings.events,
            "first": findings.first and findings.first[0],
            "last": findings.last and findings.last[0],
            "since": findings.first and findings.first[1].isoformat(),
            "until": findings.last and findings.last[1].isoformat(),
            "sha256": findings.digest,
            "ofOtherRollouts": {"count": findings.others, "sha256": findings.others_digest},
            "notChecked": findings.unknown,
            "imported": findings.imported,
        },
        "epochs": [{"epoch": epoch, "holder": holder} for epoch, holder in found.leaders.items()],
        "totals": {
            "steps": findings.totals.steps,
            "members": findings.totals.members,
            "runs": findings.totals.runs,
            "inFlight": findings.totals.in_flight,
            "unfinished": findings.totals.unfinished,
        },
        "policies": findings.policies
        and {
            "count": findings.policies.policies,
            "starts": findings.policies.starts,
            "notChecked": findings.policies.unjudged,
            "notKnown": findings.policies.unknown,
            "passedByBreakGlass": [
                {"policy": each.policy, "starts": each.starts, "users": list(each.users)}
                for each in findings.policies.passed
            ],
        },
        "checks": [
            {
                "rule": rule,
                "means": MEANS[rule],
                "checks": findings.checks.get(rule, 0),
                "violations": findings.broken.get(rule, 0),
            }
            for rule in Rule
        ],
        "violations": [_violation(violation) for violation in findings.violations],
    }


def _violation(violation: Violation) -> dict[str, Any]:
    event = violation.event
    return {
        "rule": violation.rule,
        "message": violation.words,
        "event": {
            "seq": event.seq,
            "at": event.at.isoformat(),
            "kind": event.kind,
            "why": event.why,
            "cluster": event.cluster,
            "step": None if event.step is None else event.step + 1,
        },
        "others": list(violation.others),
    }
