"""Reads the result of a Job from feedback. It is a cluster's word: everything is checked."""

import re
import zlib
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator, Mapping
from hashlib import sha256

from msgspec import Struct

from ibgu.core.drivers.ibu.gather.limits import CHUNK, CHUNKS, LOG_BYTES, MAX_LOGS, PLAIN_BYTES
from ibgu.core.drivers.ibu.gather.work import HEAD, NAMESPACES
from ibgu.core.model.conditions import find
from ibgu.core.model.kinds import ManifestWork
from ibgu.core.text.cut import cut
from ibgu.core.text.harmless import harmless, one_line

_HEAD = re.compile(
    r"ibgu-gather/1 run=(?P<run>[0-9a-f]{1,64}) chunks=(?P<chunks>\d{1,2})"
    r" bytes=(?P<bytes>\d{1,9}) sha256=(?P<sha256>[0-9a-f]{64}) more=(?P<more>yes|no)"
)
_NAME = r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?"
_ENTRY = re.compile(
    rf"(?P<kind>current|previous|pods|gather|upload) (?P<namespace>{_NAME}|-) (?P<pod>{_NAME}|-)"
    rf" (?P<container>{_NAME}|-) (?P<size>\d{{1,9}}) (?P<cut>yes|no)"
)
_UPLOADED = re.compile(
    r"exit=(?P<exit>\d{1,3}) http=(?P<http>\d{0,3}) bytes=(?P<bytes>\d{1,12})"
    r" sha256=(?P<sha256>[0-9a-f]{64}) gather=(?P<gather>\d{1,3})\n"
)
_UPLOAD = "upload.txt"
_WHOLE_CLUSTER = {"gather": "gather.log", "upload": _UPLOAD}
"""Kind of what is of no namespace -> file."""
_MAX_ENTRY = 1024
_GZIP = 16 + zlib.MAX_WBITS


class ResultError(ValueError):
    """ResultError says what is wrong with a result."""


class GatheredLog(Struct, frozen=True):
    file: str
    """A relative path of names that are safe in a file system."""
    text: str
    """Without control characters."""
    cut: bool
    """Whether older lines are left out."""


class UploadReport(Struct, frozen=True):
    bytes: int = 0
    sha256: str = ""
    problem: str = ""


class GatherResult(Struct, frozen=True):
    logs: tuple[GatheredLog, ...]
    more: bool
    """Whether the cluster has more logs than one result may have."""

    def uploaded(self) -> UploadReport:
        """Returns what the cluster says of its upload."""
        found = [_UPLOADED.fullmatch(each.text) for each in self.logs if each.file == _UPLOAD]
        if not found or (said := found[0]) is None:
            return UploadReport(problem="the cluster does not say whether it has uploaded anything")
        # curl takes a redirect, which it does not follow, for a success.
        if said["exit"] != "0" or not said["http"].startswith("2"):
            words = (
                f"the upload failed: curl's exit code {said['exit']}, HTTP {said['http'] or '000'}"
            )
            return UploadReport(problem=words)
        problem = ""
        if said["gather"] != "0":
            problem = f"the archive is incomplete: gather ended with exit code {said['gather']}"
        return UploadReport(int(said["bytes"]), said["sha256"], problem)


def result_of(work: ManifestWork, run: str) -> GatherResult | None:
    """Returns the result of this run; None: it is not there yet. Raises ResultError."""
    values = _values(work, "ConfigMap")
    if HEAD not in values:
        return None
    head = _HEAD.fullmatch(values[HEAD])
    if head is None or head["run"] != run:
        raise ResultError("its result isn't that of this run")
    packed = _packed(values, int(head["chunks"]))
    if len(packed) != int(head["bytes"]) or sha256(packed).hexdigest() != head["sha256"]:
        raise ResultError("its result was changed on the way: the checksum doesn't match")
    logs = tuple(_logs(_unpacked(packed)))
    if len({each.file for each in logs}) != len(logs):
        raise ResultError("its result names one log twice")
    return GatherResult(logs, more=head["more"] == "yes")


def failure_of(work: ManifestWork) -> str:
    """Returns why the Job has failed; empty: it has not, as far as is known."""
    values = _values(work, "Job")
    if values.get("failed") != "True":
        return ""
    message = values.get("message") or "no message"
    return one_line(cut(f"the Job failed: {values.get('reason', '')}: {message}"))


def obstacles_of(work: ManifestWork) -> str:
    """Returns which manifests the agent could not apply, and why; empty: none."""
    failed = (
        f"{entry.resource_meta.kind} {entry.resource_meta.namespace}: {condition.message}"
        for entry in work.status.resource_status.manifests
        if (condition := find(entry.conditions, "Applied")).status == "False"
    )
    return one_line(cut("; ".join(failed)))


def _values(work: ManifestWork, kind: str) -> dict[str, str]:
    return {
        each.name: each.field_value.string
        for entry in work.status.resource_status.manifests
        if entry.resource_meta.kind == kind
        for each in entry.status_feedback.values
        if each.field_value.string is not None
    }


def _packed(values: Mapping[str, str], count: int) -> bytes:
    texts = [values.get(f"chunk{each}", "") for each in range(count)]
    if not 0 < count <= CHUNKS or not all(0 < len(each) <= CHUNK for each in texts):
        raise ResultError("its result lacks a part, or a part is too long")
    try:
        return b64decode("".join(texts), validate=True)
    except (Error, ValueError):
        raise ResultError("its result isn't base64") from None


def _unpacked(packed: bytes) -> bytes:
    reader = zlib.decompressobj(_GZIP)
    try:
        plain = reader.decompress(packed, PLAIN_BYTES)
    except zlib.error:
        raise ResultError("its result isn't compressed by gzip") from None
    if not reader.eof or reader.unused_data:
        raise ResultError(f"its result is incomplete, or larger than {PLAIN_BYTES >> 20} MiB")
    return plain


def _logs(plain: bytes) -> Iterator[GatheredLog]:
    position = 0
    for _ in range(MAX_LOGS):
        if position == len(plain):
            return
        end = plain.find(b"\n", position, position + _MAX_ENTRY)
        entry = _ENTRY.fullmatch(plain[position:end].decode(errors="replace")) if end > 0 else None
        if entry is None or not _has_place(entry):
            raise ResultError("its result has a log without a readable name")
        if int(entry["size"]) > LOG_BYTES:
            raise ResultError("its result has a log that is longer than was asked for")
        position = end + 1 + int(entry["size"])
        if plain[position : position + 1] != b"\n":
            raise ResultError("its result has a log that is shorter than it says")
        text = plain[end + 1 : position].decode(errors="replace")
        yield GatheredLog(_file(entry), harmless(text), cut=entry["cut"] == "yes")
        position += 1
    if position != len(plain):
        raise ResultError(f"its result has more than {MAX_LOGS} logs")


def _has_place(entry: re.Match[str]) -> bool:
    if entry["kind"] in _WHOLE_CLUSTER:
        return entry["namespace"] == "-"
    return entry["namespace"] in NAMESPACES


def _file(entry: re.Match[str]) -> str:
    if entry["kind"] in _WHOLE_CLUSTER:
        return _WHOLE_CLUSTER[entry["kind"]]
    if entry["kind"] == "pods":
        return f"{entry['namespace']}/pods.txt"
    previous = ".previous" if entry["kind"] == "previous" else ""
    return f"{entry['namespace']}/{entry['pod']}.{entry['container']}{previous}.log"
