"""The DataProtectionApplication of a cluster, and the Secret with its storage's credentials."""

import re
from base64 import b64encode
from collections.abc import Sequence
from configparser import ConfigParser, Error
from urllib.parse import urlsplit

from msgspec import Struct

from ibgu.core.drivers.ibu.preflight.inspecting import csv_release
from ibgu.core.drivers.ibu.preflight.inspection import ReadResult
from ibgu.core.drivers.ibu.preflight.inspection.objects import (
    BACKUP_STORAGE,
    BUCKET,
    CSV,
    DPA,
    OADP_OPERATOR,
    PHASE,
    PREFIX,
    RECONCILED,
    RECONCILED_MESSAGE,
    VELERO,
    InspectedObject,
)
from ibgu.core.drivers.ibu.preparation.model import (
    IBU,
    OWNER,
    OWNER_PATH,
    PreparationKind,
    Readings,
    WrittenObject,
    busy,
    for_git,
    foreign,
    manifest,
    rule,
)
from ibgu.core.model.kinds import JsonObject

KEY = "cloud"
"""The key of the Secret that OADP's manual names."""
HUB_TEMPLATE = "{{hub .ManagedClusterName hub}}"
"""The name of the cluster, as Advanced Cluster Management fills it into a policy."""
_OLDEST = (1, 4, 1)
_WITHOUT_RESTIC = (1, 5, 0)
"""The release that has no field for restic any more: server-side apply refuses unknown fields."""
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_KEYS = ("aws_access_key_id", "aws_secret_access_key")

APPLICATION = InspectedObject(
    DPA.group, DPA.version, DPA.kind, DPA.resource, DPA.name, DPA.namespace,
    {OWNER: OWNER_PATH, **DPA.paths},
)  # fmt: skip
SECRET = InspectedObject("", "v1", "Secret", "secrets", "cloud-credentials", DPA.namespace,
                         {OWNER: OWNER_PATH})  # fmt: skip


class BackupStorage(Struct, frozen=True):
    """BackupStorage is an S3 bucket; each cluster has a directory of its own there, by its name."""

    bucket: str
    region: str
    url: str
    profile: str = "default"
    certificate: bytes = b""
    """The CA certificate (PEM) of the storage; empty: the system's."""
    skip_verification: bool = False

    def faults(self) -> list[str]:
        """Returns the faults, each as option and words."""
        found = []
        if not _BUCKET.fullmatch(self.bucket) or ".." in self.bucket:
            found.append(f"--bucket: {self.bucket!r} isn't a name that an S3 bucket can have")
        if not _REGION.fullmatch(self.region):
            found.append(f"--region: {self.region!r} isn't a region, such as us-east-1 or minio")
        if fault := _url_fault(self.url):
            found.append(f"--url: {fault}")
        if self.certificate and b"-----BEGIN CERTIFICATE-----" not in self.certificate:
            found.append("--storage-ca: the file has no certificate (PEM)")
        if self.certificate and self.skip_verification:
            found.append("--storage-ca: without effect beside --insecure-skip-tls-verify")
        return found


def _url_fault(url: str) -> str:
    """Returns the fault without the address, which may hold a password."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "isn't an address"
    if parts.scheme not in ("https", "http") or not host:
        return "isn't an address such as https://s3.example.com:9000"
    if parts.username or parts.password:
        return "has a user or a password: these belong into the credentials"
    if parts.query or parts.fragment or parts.path not in ("", "/"):
        return "has more than scheme, host and port: the bucket has an option of its own"
    return ""


def credentials_fault(text: str, profile: str) -> str:
    """Returns what is wrong with a credentials file, in words that quote nothing of it."""
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except Error:
        return "isn't a credentials file: sections such as [default], with key = value lines"
    if profile not in parser:
        return f"has no section [{profile}]"
    missing = [key for key in _KEYS if not parser[profile].get(key)]
    return f"lacks {' and '.join(missing)} in [{profile}]" if missing else ""


class BackupPreparation(Struct, frozen=True):
    """BackupPreparation brings the one DataProtectionApplication that the Lifecycle Agent accepts.
    One that somebody else manages is left as it is."""

    cluster: str
    storage: BackupStorage
    credentials: bytes
    """The file's content; only `writes` puts it anywhere."""

    def __repr__(self) -> str:
        return f"BackupPreparation({self.cluster!r}, {self.storage!r})"

    @property
    def kind(self) -> PreparationKind:
        return PreparationKind.DPA

    @property
    def reads(self) -> Sequence[InspectedObject]:
        return (IBU, OADP_OPERATOR, VELERO, SECRET, APPLICATION, BACKUP_STORAGE)

    @property
    def rules(self) -> Sequence[JsonObject]:
        create: JsonObject = {
            "apiGroups": [APPLICATION.group],
            "resources": [APPLICATION.resource],
            "verbs": ["create"],
        }
        # The agent may use Secrets anyway, as every administrator of a namespace.
        reads = [rule(each, "get") for each in self.reads if each is not SECRET]
        return (*reads, rule(APPLICATION, "patch"), create)

    def summary(self) -> str:
        where = f"{self.storage.url}, bucket {self.storage.bucket}, prefix {self.cluster}"
        return f"DataProtectionApplication and Secret for {where}"

    def objection(self, readings: Readings) -> str:
        application = readings[APPLICATION]
        if application.result is ReadResult.NO_KIND:
            return "has no OADP: run ibgu prepare operators first"
        release = _release(readings)
        if release is not None and release < _OLDEST:
            csv = readings[OADP_OPERATOR].string(CSV)
            return f"has {csv}, which is before {'.'.join(map(str, _OLDEST))}: update it first"
        if foreign(application):
            return "has a DataProtectionApplication that is managed elsewhere"
        if readings[VELERO].found and not application.found:
            return "has a DataProtectionApplication by another name, and only one is allowed"
        if foreign(readings[SECRET]):
            return f"has a Secret {SECRET.name} that is managed elsewhere"
        return busy(readings)

    def writes(self, readings: Readings) -> Sequence[Sequence[WrittenObject]]:
        """Returns both objects always: whether the credentials are the same can't be read without
        showing them."""
        data = {KEY: b64encode(self.credentials).decode()}
        secret = manifest(SECRET, type="Opaque", data=data)
        release = _release(readings)
        restic = release is None or release < _WITHOUT_RESTIC
        application = WrittenObject(APPLICATION, self._application(self.cluster, restic=restic))
        return ((WrittenObject(SECRET, secret), application),)

    def state(self, readings: Readings) -> str:
        application, location = readings[APPLICATION], readings[BACKUP_STORAGE]
        if not application.found:
            return "no DataProtectionApplication"
        if application.string(RECONCILED) != "True":
            return application.string(RECONCILED_MESSAGE) or "not reconciled yet"
        where = f"{location.string(BUCKET)}/{location.string(PREFIX)}"
        return f"reconciled; storage {where}: {location.string(PHASE) or 'not checked yet'}"

    def files(self) -> Sequence[JsonObject]:
        return (for_git(self._application(HUB_TEMPLATE, restic=True)),)

    def _application(self, prefix: str, *, restic: bool) -> JsonObject:
        storage = self.storage
        config = {
            "profile": storage.profile,
            "region": storage.region,
            "s3Url": storage.url,
            "s3ForcePathStyle": "true",
        }
        if storage.skip_verification:
            config["insecureSkipTLSVerify"] = "true"
        place: JsonObject = {"bucket": storage.bucket, "prefix": prefix}
        if storage.certificate:
            place["caCert"] = b64encode(storage.certificate).decode()
        location = {
            "provider": "aws",
            "default": True,
            "credential": {"name": SECRET.name, "key": KEY},
            "config": config,
            "objectStorage": place,
        }
        velero = {"defaultPlugins": ["aws", "openshift"], "resourceTimeout": "10m"}
        configuration: JsonObject = {"velero": velero}
        if restic:
            configuration["restic"] = {"enable": False}
        spec = {"configuration": configuration, "backupLocations": [{"velero": location}]}
        return manifest(APPLICATION, spec=spec)


def _release(readings: Readings) -> tuple[int, int, int] | None:
    """Returns OADP's release, as far as OLM names it."""
    release = csv_release(readings[OADP_OPERATOR].string(CSV))
    return release[:3] if release is not None else None
