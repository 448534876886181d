"""What a hub lacks that a controller can't begin without, in words."""

from collections.abc import Sequence

from ibgu.cli.doctor.findings import Finding
from ibgu.settings import in_cluster


class HubNotReady(Exception):
    """Something that has to be installed first is not on the hub; the text says what to do."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(f"{each.found} (do: {each.do})" for each in findings))
        self.findings = findings

    @property
    def heals(self) -> bool:
        """Whether to wait for it: a pod would only be started again, a person wants an answer."""
        return in_cluster()

    @property
    def words(self) -> str:
        found = [f"✗ {each.check}: {each.found}\n  → {each.do}" for each in self.findings]
        first = (
            "the hub is not ready for ibgu. Fix these problems, then start ibgu again; to check: "
        )
        return "\n".join([f"{first}ibgu doctor", *found])
