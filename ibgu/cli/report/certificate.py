"""Reads a certificate that `ibgu certify` has saved, and checks that it is one of the rollout."""

from pathlib import Path

from ibgu.cli.audit import summary
from ibgu.cli.errors import MISUSED, fail
from ibgu.cli.report.facts import RolloutFacts, SavedCertificate


def certificate_of(path: Path, key: Path | None, found: RolloutFacts) -> SavedCertificate:
    """Returns the certificate; `key`: public key that its signature has to fit. Ends the command if
    it does not, or if the certificate is of another rollout."""
    read = summary.verified(path, key) if key else summary.unverified(path)
    if (read.rollout.uid, read.hub) != (found.rollout.uid, found.hub):
        fail(
            f"{path} is a certificate of {read.rollout.namespace}/{read.rollout.name}, uid "
            f"{read.rollout.uid}, on hub {read.hub}, and not of {found.full_name}, uid "
            f"{found.rollout.uid}, on hub {found.hub}",
            MISUSED,
        )
    return SavedCertificate(
        verdict=read.verdict,
        at=read.at,
        version=read.version,
        events=read.events.count,
        first=read.events.first,
        last=read.events.last,
        sha256=read.events.sha256,
        state=read.rollout.state,
        verified_with=str(key) if key else "",
    )
