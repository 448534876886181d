"""Works of `ibgu gather` as a cluster's agent reports them."""

import gzip
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256

import msgspec

from ibgu.core.drivers.ibu.gather import GatherRequest, gather_body
from ibgu.core.drivers.ibu.gather.limits import CHUNK
from ibgu.core.model.kinds import JsonObject, ManifestWork

RUN = "0a1b"
IMAGE = f"registry.example.com/ocp/cli@sha256:{'a' * 64}"
LCA = "openshift-lifecycle-agent"
REQUEST = GatherRequest(
    run=RUN, image=IMAGE, seconds=300, until=datetime(2026, 11, 25, 12, tzinfo=UTC)
)


def entry(text: str, head: str = f"current {LCA} manager-1 manager", *, cut: bool = False) -> bytes:
    content = text.encode()
    return f"{head} {len(content)} {'yes' if cut else 'no'}\n".encode() + content + b"\n"


def data(plain: bytes, *, run: str = RUN, more: str = "no", **changes: str) -> dict[str, str]:
    """Returns what the Job writes into its ConfigMap; `changes` are made afterwards."""
    packed = gzip.compress(plain)
    text = b64encode(packed).decode()
    parts = [text[at : at + CHUNK] for at in range(0, len(text), CHUNK)]
    head = (
        f"ibgu-gather/1 run={run} chunks={len(parts)} bytes={len(packed)}"
        f" sha256={sha256(packed).hexdigest()} more={more}"
    )
    return {"head": head, **{f"chunk{n}": part for n, part in enumerate(parts)}, **changes}


def answered(
    result: Mapping[str, str] | None = None,
    job: Mapping[str, str] | None = None,
    failed: str = "",
) -> ManifestWork:
    """Returns the work with these values in its feedback. `failed`: why a Role was not applied."""
    manifests = [
        _manifest("ConfigMap", result or {}),
        _manifest("Job", job or {}),
        _manifest("Role", {}, failed),
    ]
    status = {"resourceStatus": {"manifests": manifests}}
    return msgspec.convert({**gather_body(REQUEST), "status": status}, ManifestWork)


def _manifest(kind: str, values: Mapping[str, str], failed: str = "") -> JsonObject:
    feedback = [
        {"name": name, "fieldValue": {"type": "String", "string": value}}
        for name, value in values.items()
    ]
    applied = {"type": "Applied", "status": "False" if failed else "True", "message": failed}
    return {
        "resourceMeta": {"kind": kind, "namespace": LCA},
        "conditions": [{**applied, "reason": "Applied"}],
        "statusFeedback": {"values": feedback},
    }
