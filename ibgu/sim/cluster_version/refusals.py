"""Why the cluster-version operator refuses a release, in its own words."""

from collections.abc import Collection, Iterable

from msgspec import Struct


class Asked(Struct, frozen=True):
    """Asked is the release of spec.desiredUpdate."""

    image: str = ""
    version: str = ""
    force: bool = False

    @property
    def release(self) -> str:
        return f'version="{self.version}" image="{self.image}"'


class Ground(Struct, frozen=True, kw_only=True):
    """Ground is what the operator judges a release by."""

    running: str
    signed: bool
    earlier: Collection[str] = ()
    """Versions that the cluster has completed before."""
    upgradeable: tuple[str, str, str] = ("True", "", "")
    """Status, reason and message of Upgradeable."""
    mismatch: bool = False
    backup_missing: bool = False


def refusal(asked: Asked, ground: Ground) -> tuple[str, str] | None:
    """Returns the reason of ReleaseAccepted and the failure; None: the release is accepted."""
    if not ground.signed and not asked.force:
        return "RetrievePayload", _unsigned(asked)
    if ground.mismatch:
        failure = (
            f"release image version {asked.version}-other does not match the expected upstream "
            f"version {asked.version}"
        )
        return "VerifyPayloadVersion", failure
    failed = list(_preconditions(asked, ground))
    return ("PreconditionChecks", "\n".join(failed)) if failed and not asked.force else None


def accepted_risks(asked: Asked, ground: Ground) -> str:
    """Returns what a forced update has passed over; empty: nothing."""
    passed = [*([] if ground.signed else [_unsigned(asked)]), *_preconditions(asked, ground)]
    return f"Forced through blocking failures: {'; '.join(passed)}" if passed else ""


def _unsigned(asked: Asked) -> str:
    digest = asked.image.rpartition(":")[2]
    return (
        f"The update cannot be verified: unable to verify sha256:{digest} against "
        "keyrings: verifier-public-key-redhat"
    )


def _preconditions(asked: Asked, ground: Ground) -> Iterable[str]:
    wanted, running = numbers(asked.version), numbers(ground.running)
    status, reason, words = ground.upgradeable
    if wanted[:2] != running[:2] and status == "False":
        yield _failed("ClusterVersionUpgradeable", reason, words)
    if wanted < running and asked.version not in ground.earlier:
        words = f"{asked.version} is less than the current target {ground.running}"
        yield _failed("ClusterVersionRollback", "LowDesiredVersion", words)
    if wanted[:2] > (running[0], running[1] + 1):
        words = f"{asked.version} is more than one minor release after {ground.running}"
        yield _failed("ClusterVersionGiantHop", "MinorVersionSkip", words)
    if wanted[:2] != running[:2] and ground.backup_missing:
        words = "RecentBackup: waiting for the etcd operator's backup"
        yield _failed("EtcdRecentBackup", "UpgradeBackupInProgress", words)


def _failed(name: str, reason: str, words: str) -> str:
    return f'Precondition "{name}" failed because of "{reason}": {words}'


def numbers(version: str) -> tuple[int, ...]:
    """Returns the numbers of a release: (4, 16, 12)."""
    parts = version.partition("-")[0].split(".")
    return tuple(int(part) if part.isdigit() else 0 for part in (*parts, "0", "0"))[:3]
