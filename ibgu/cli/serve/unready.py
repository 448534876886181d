"""Reports what a hub lacks, for the person who starts ibgu there."""

from collections.abc import Iterable, Sequence

import structlog
import typer

from ibgu.cli.doctor.findings import Finding
from ibgu.settings import in_cluster

log = structlog.get_logger("ibgu")


class HubNotReady(Exception):
    """HubNotReady: a prerequisite is not installed on the hub; the text says what to do."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(f"{each.found} (do: {each.do})" for each in findings))
        self.findings = findings

    @property
    def may_recover(self) -> bool:
        """Returns whether to wait: a pod would only be restarted, a person wants an answer."""
        return in_cluster()

    @property
    def words(self) -> str:
        first = (
            "the hub is not ready for ibgu. Fix these problems, then start ibgu again; to check: "
        )
        return f"{first}ibgu doctor\n{_lines(self.findings)}"


def print_problems(findings: Sequence[Finding]) -> None:
    """Prints problems of a hub on which ibgu starts nevertheless, and waits."""
    if in_cluster():
        for each in findings:
            log.warning("problem on the hub", check=each.check, found=each.found, do=each.do)
    elif findings:
        first = (
            "ibgu: the hub has problems. ibgu continues when you have fixed them; to "
            "check: ibgu doctor"
        )
        typer.echo(f"{first}\n{_lines(findings)}", err=True)


def _lines(findings: Iterable[Finding]) -> str:
    return "\n".join(f"✗ {each.check}: {each.found}\n  → {each.do}" for each in findings)
