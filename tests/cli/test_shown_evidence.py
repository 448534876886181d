"""The lines of `ibgu explain` about what was read after a failure."""

from datetime import UTC, datetime, timedelta

from ibgu.cli.show.evidence import evidence_lines
from ibgu.cli.show.output_style import PLAIN, OutputStyle
from ibgu.client.responses import (
    EvidenceCauseResponse,
    EvidenceObjectResponse,
    EvidenceResponse,
)

NOW = datetime(2026, 1, 1, 3, tzinfo=UTC)
COMMAND = "oc exec -n openshift-adp deploy/velero -c velero -- ./velero describe backup app-data"


def test_objects_age_cause_and_commands_are_shown() -> None:
    found = EvidenceResponse(
        read_at=NOW - timedelta(minutes=3),
        objects=(
            EvidenceObjectResponse(
                object="Backup a/app", phase="PartiallyFailed", errors=2, warnings=1, messages=()
            ),
            EvidenceObjectResponse(object="Backup a/b", messages=("is not on the cluster",)),
        ),
        cause=EvidenceCauseResponse(failure="BackupFailed", means="It failed.", remedy="Repair."),
        commands=(COMMAND, "oc logs"),
    )
    assert evidence_lines(found, NOW, PLAIN) == [
        "velero   Backup a/app PartiallyFailed, 2 errors, 1 warning",
        "         Backup a/b: is not on the cluster",
        "read     3 min ago",
        "cause    It failed.   [BackupFailed]",
        "fix      Repair.",
        f"on site  {COMMAND}",
        "         oc logs",
    ]


def test_a_command_is_not_wrapped_and_a_problem_is_shown() -> None:
    found = EvidenceResponse(
        read_at=None, problem="the cluster is not reachable", commands=(COMMAND,)
    )
    lines = evidence_lines(found, NOW, OutputStyle(width=40))
    assert lines == ["velero   the cluster is not reachable", f"on site  {COMMAND}"]
