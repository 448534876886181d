"""Explains in one sentence the state of a cluster that TALM upgrades."""

from datetime import datetime, timedelta

from ibgu.core.assurance.shadow.records import ShadowRun, ShadowVerdict
from ibgu.core.model import traits


def explanation(run: ShadowRun, now: datetime) -> str:
    if run.ibgu is not None and run.ibgu.verdict is ShadowVerdict.FAILED:
        return _failed(run, now)
    if run.talm is not None:
        return _over(run)
    if run.ibgu is not None:
        return f"{run.action} has succeeded; TALM has not noted it yet"
    if run.gone_at is not None:
        return f"TALM has let go of {run.action} without a word; how it ended was not seen"
    if not run.reachable:
        rebooting = " (it reboots in this action)" if traits(run.action).reboots else ""
        return f"the cluster is not reachable{rebooting}: nothing can be known now"
    if run.symptom is not None:
        return f"the cluster does not take it: {run.symptom.message}"
    return f"{run.action} under way for {_minutes(now - run.since)}: {run.words or 'no words yet'}"


def _failed(run: ShadowRun, now: datetime) -> str:
    assert run.ibgu is not None
    if run.talm is None:
        ago = _minutes(now - run.ibgu.at)
        return f"{run.action} has failed {ago} ago; TALM waits for its time-out"
    if run.talm.verdict is ShadowVerdict.SUCCEEDED:
        return f"{run.action} had failed, and TALM saw it complete later"
    later = _minutes(run.talm.at - run.ibgu.at)
    return f"{run.action} has failed; TALM said so {later} later"


def _over(run: ShadowRun) -> str:
    assert run.talm is not None
    if run.talm.verdict is ShadowVerdict.FAILED:
        return f"{run.action} timed out under TALM; the cluster had not reported a failure"
    if run.freed_at is None:
        return f"{run.action} has succeeded; its place waits for the rest of batch {run.batch}"
    return f"{run.action} has succeeded"


def _minutes(span: timedelta) -> str:
    return f"{max(0, int(span.total_seconds() // 60))} min"
