"""The script of the Job in a real bash: what it sends is what `result_of` reads."""

import io
import random
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.gather import GatherResult, gather_body, result_of
from ibgu.core.drivers.ibu.gather.limits import CHUNK, CHUNKS, LOG_BYTES, LOG_LINES, MAX_LOGS
from ibgu.core.drivers.ibu.gather.upload import Upload
from tests.cli.gather.job import OC, must_gather, object_store, result_from, run_job
from tests.core.drivers.ibu.gather.answers import LCA, REQUEST, RUN, answered

ADP = "openshift-adp"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Returns a folder with the logs of a site: one pod without a restart, and one that waits."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / f"{LCA}.pods").write_text("NAME READY\nmanager-1 1/1\n")
    (folder / f"{LCA}.names").write_text("manager-1  manager\n")
    (folder / "manager-1.manager").write_text('level=info\nlevel=error "ostree" \\n\n')
    return folder


def gathered(site: Path) -> GatherResult:
    job = gather_body(REQUEST)["spec"]["workload"]["manifests"][-1]
    done = run_job(job, OC, site.parent, SITE=str(site))
    assert done.returncode == 0, done.stderr
    result = result_from(site)
    assert all(len(each) <= CHUNK for each in result.values())
    found = result_of(answered(result), RUN)
    assert found is not None
    return found


def texts(found: GatherResult) -> dict[str, str]:
    return {each.file: each.text for each in found.logs}


def test_logs_arrive_as_the_pods_wrote_them(site: Path) -> None:
    (site / f"{ADP}.pods").write_text("NAME READY\n")
    (site / f"{ADP}.names").write_text("velero-1 plugin velero\n")
    (site / "velero-1.plugin").write_text("copied\n")
    (site / "velero-1.velero").write_text("")
    (site / "velero-1.velero.previous").write_text("panic: no end of line")
    found = gathered(site)
    assert texts(found) == {
        f"{LCA}/pods.txt": "NAME READY\nmanager-1 1/1\n",
        f"{LCA}/manager-1.manager.log": 'level=info\nlevel=error "ostree" \\n\n',
        f"{ADP}/pods.txt": "NAME READY\n",
        f"{ADP}/velero-1.plugin.log": "copied\n",
        f"{ADP}/velero-1.velero.log": "",
        f"{ADP}/velero-1.velero.previous.log": "panic: no end of line",
    }
    assert not any(each.cut for each in found.logs)
    assert not found.more


def test_a_namespace_or_log_that_can_not_be_read_says_why(site: Path) -> None:
    (site / f"{LCA}.names").write_text("manager-1  manager\nlca-prep  starting\n")
    found = texts(gathered(site))
    assert "No such file" in found[f"{ADP}/pods.txt"]
    assert "No such file" in found[f"{LCA}/lca-prep.starting.log"]
    assert f"{LCA}/lca-prep.starting.previous.log" not in found


def test_a_long_log_keeps_its_newest_whole_lines(site: Path) -> None:
    lines = [f"line {number}\n" for number in range(100_000)]
    (site / "manager-1.manager").write_text("".join(lines))
    (log,) = (each for each in gathered(site).logs if each.file.endswith("manager.log"))
    assert log.cut
    assert log.text.startswith("line ")
    assert log.text.endswith("line 99999\n")
    assert LOG_BYTES * 0.9 < len(log.text) <= LOG_BYTES


def test_logs_that_do_not_compress_are_cut_until_they_fit(site: Path) -> None:
    noise = random.Random(1)
    for container in ("a", "b", "c"):
        lines = (f"{noise.getrandbits(400):x}\n" for _ in range(4000))
        (site / f"manager-1.{container}").write_text("".join(lines))
    (site / f"{LCA}.names").write_text("manager-1  a b c\n")
    found = gathered(site)
    assert sum(each.cut for each in found.logs) == 3
    total = sum(len(each.text) for each in found.logs)
    assert CHUNK * CHUNKS * 0.4 < total < CHUNK * CHUNKS * 2


def test_a_log_of_more_lines_than_are_asked_for_is_shown_as_cut(site: Path) -> None:
    (site / "manager-1.manager").write_text("x\n" * LOG_LINES)
    (log,) = (each for each in gathered(site).logs if each.file.endswith("manager.log"))
    assert log.cut


def test_more_logs_than_fit_are_left_out_and_reported(site: Path) -> None:
    count = MAX_LOGS + 5
    names = [f"pod-{number}" for number in range(count)]
    (site / f"{LCA}.names").write_text("".join(f"{name}  c\n" for name in names))
    for name in names:
        (site / f"{name}.c").write_text("x\n")
    found = gathered(site)
    assert len(found.logs) == MAX_LOGS
    assert found.more


def uploaded(site: Path, url: str, **more: str) -> GatherResult:
    body = gather_body(replace(REQUEST, upload=Upload(url)))
    *_, secret, job = body["spec"]["workload"]["manifests"]
    env = must_gather(site.parent, secret["data"]["curl.conf"])
    done = run_job(job, OC, site.parent, SITE=str(site), **env, **more)
    assert done.returncode == 0, done.stderr
    assert url not in done.stdout + done.stderr
    found = result_of(answered(result_from(site)), RUN)
    assert found is not None
    return found


def test_an_archive_is_put_to_the_address_and_its_checksum_comes_back(site: Path) -> None:
    with object_store() as (root, stored):
        found = uploaded(site, f"{root}/site-1.tgz?X-Amz-Signature=%5B1%5D&b={{c}}")
    ((path, archive),) = stored.items()
    assert path == "/site-1.tgz?X-Amz-Signature=%5B1%5D&b={c}"
    report = found.uploaded()
    assert (report.problem, report.bytes) == ("", len(archive))
    assert report.sha256 == sha256(archive).hexdigest()
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        pods = files.extractfile("./cluster/pods.txt")
        assert pods is not None
        assert b"manager-1" in pods.read()
    expected = "gathering\na problem\ngather ended with exit code 0\n"
    assert texts(found)["gather.log"] == expected


def test_an_upload_that_is_refused_says_how(site: Path) -> None:
    with object_store(403) as (root, _):
        found = uploaded(site, f"{root}/site-1.tgz?X-Amz-Signature=1")
    assert "HTTP 403" in found.uploaded().problem
    assert not any("Signature" in text for text in texts(found).values())


def test_a_redirect_stores_nothing_and_is_a_failure(site: Path) -> None:
    with object_store(307) as (root, _):
        found = uploaded(site, f"{root}/site-1.tgz")
    assert found.uploaded().problem == "the upload failed: curl's exit code 0, HTTP 307"


def test_an_archive_of_a_gather_that_failed_comes_as_an_incomplete_one(site: Path) -> None:
    with object_store() as (root, stored):
        found = uploaded(site, f"{root}/site-1.tgz", GATHER_EXIT="124")
    assert list(stored) == ["/site-1.tgz"]
    assert found.uploaded().problem.endswith("gather ended with exit code 124")


def test_everything_there_is_sent_before_the_time_is_over(site: Path) -> None:
    job = gather_body(REQUEST)["spec"]["workload"]["manifests"][-1]
    done = run_job(job, OC, site.parent, SITE=str(site), GATHER_SECONDS="0")
    assert done.returncode == 0, done.stderr
    found = result_of(answered(result_from(site)), RUN)
    assert found is not None
    assert found.more
    assert list(texts(found)) == [f"{LCA}/pods.txt", f"{ADP}/pods.txt"]
