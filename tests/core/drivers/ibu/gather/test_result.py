"""The result of a Job is a cluster's word: what does not fit is refused."""

import gzip
from base64 import b64encode
from hashlib import sha256

import pytest

from ibgu.core.drivers.ibu.gather import ResultError, failure_of, obstacles_of, result_of
from ibgu.core.drivers.ibu.gather.limits import LOG_BYTES, MAX_LOGS, PLAIN_BYTES
from tests.core.drivers.ibu.gather.answers import LCA, RUN, answered, data, entry


def test_logs_arrive_as_files_without_control_characters() -> None:
    plain = (
        entry("line 1\n\x1b[31mred\n")
        + entry("old\n", f"previous {LCA} manager-1 manager", cut=True)
        + entry("NAME READY\n", "pods openshift-adp - -")
    )
    found = result_of(answered(data(plain, more="yes")), RUN)
    assert found is not None
    assert found.more
    files = [(each.file, each.text, each.cut) for each in found.logs]
    assert files == [
        (f"{LCA}/manager-1.manager.log", "line 1\n\N{REPLACEMENT CHARACTER}[31mred\n", False),
        (f"{LCA}/manager-1.manager.previous.log", "old\n", True),
        ("openshift-adp/pods.txt", "NAME READY\n", False),
    ]


def test_a_work_without_a_result_has_none_yet() -> None:
    assert result_of(answered(), RUN) is None


def bomb() -> dict[str, str]:
    return data(bytes(PLAIN_BYTES + 1))


def packed(content: bytes) -> dict[str, str]:
    """Returns a result whose checksum is that of this content, whatever it is."""
    head = f"ibgu-gather/1 run={RUN} chunks=1 bytes={len(content)}"
    head += f" sha256={sha256(content).hexdigest()} more=no"
    return {"head": head, "chunk0": b64encode(content).decode()}


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (data(b"", run="ffff"), "isn't that of this run"),
        (data(b"", head="anything"), "isn't that of this run"),
        (data(b"", chunk0="QUJD"), "the checksum doesn't match"),
        (data(b"", chunk0=""), "lacks a part"),
        (data(b"", chunk0="A" * 32769), "a part is too long"),
        (data(b"", chunk0="ä"), "isn't base64"),
        (data(b"", chunk0="A"), "isn't base64"),
        (data(b"", head=packed(b"")["head"].replace("chunks=1", "chunks=0")), "lacks a part"),
        (data(b"", head=packed(b"")["head"].replace("chunks=1", "chunks=99")), "lacks a part"),
        (packed(b"no gzip"), "isn't compressed by gzip"),
        (packed(gzip.compress(b"x")[:-4]), "is incomplete"),
        (packed(gzip.compress(b"x") + b"more"), "is incomplete"),
        (bomb(), "larger than 32 MiB"),
        (data(b"no header\n"), "without a readable name"),
        (data(b"no end of line"), "without a readable name"),
        (data(entry("x", f"current {LCA} ../../etc passwd")), "without a readable name"),
        (data(entry("x", "current kube-system pod container")), "without a readable name"),
        (data(f"current {LCA} a b 99 no\nx\n".encode()), "shorter than it says"),
        (data(entry("x" * (LOG_BYTES + 1))), "longer than was asked for"),
        (data(entry("x") * 2), "names one log twice"),
        (
            data(b"".join(entry("x", f"current {LCA} p{n} c") for n in range(MAX_LOGS + 1))),
            "more than 200 logs",
        ),
    ],
)
def test_a_result_that_does_not_fit_is_refused(result: dict[str, str], words: str) -> None:
    with pytest.raises(ResultError, match=words):
        result_of(answered(result), RUN)


def test_a_result_with_the_most_logs_that_are_allowed_is_accepted() -> None:
    plain = b"".join(entry("x", f"current {LCA} p{n} c") for n in range(MAX_LOGS))
    found = result_of(answered(data(plain)), RUN)
    assert found is not None
    assert len(found.logs) == MAX_LOGS


def test_a_failed_job_says_why_in_one_line() -> None:
    late = {"failed": "True", "reason": "DeadlineExceeded", "message": "too\nlate"}
    assert failure_of(answered(job=late)) == "the Job failed: DeadlineExceeded: too late"
    assert failure_of(answered(job={"failed": "True"})) == "the Job failed: : no message"
    assert failure_of(answered(job={"failed": "False"})) == ""


def test_manifests_that_were_not_applied_are_named() -> None:
    assert obstacles_of(answered()) == ""
    words = 'namespaces "openshift-adp" not found'
    assert obstacles_of(answered(failed=words)) == f"Role {LCA}: {words}"
