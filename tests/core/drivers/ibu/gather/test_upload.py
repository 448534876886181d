"""Addresses of uploads: what may be one, and that no message and no other object has it."""

import json
from base64 import b64decode

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.gather import NAME, gather_body, result_of
from ibgu.core.drivers.ibu.gather.upload import CONFIG, Upload, listed_uploads, uploads
from tests.core.drivers.ibu.gather.answers import REQUEST, RUN, answered, data, entry

URL = "https://s3.example.com/site-1.tgz?X-Amz-Signature=0123abcd"


@pytest.mark.parametrize(
    "url",
    [URL, "http://127.0.0.1:9000/a?b=c", "http://localhost/a", "http://[::1]:80/a"],
)
def test_https_and_loopback_are_accepted(url: str) -> None:
    assert Upload(url).fault() == ""


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://s3.example.com/a", "must begin with https://"),
        ("ftp://127.0.0.1/a", "must begin with https://"),
        ("https:///a", "needs a host"),
        ("https://user:secret@s3/a", "may have no user"),
        ("https://s3:port/a", "isn't an address"),
        ('https://s3/"a', "isn't an address"),
        ("https://s3/\\n", "isn't an address"),
        ("https://s3/a\nurl = b", "isn't an address"),
        (f"https://s3/{'a' * 9000}", "isn't an address"),
    ],
)
def test_other_addresses_are_refused_and_not_quoted(url: str, words: str) -> None:
    fault = Upload(url).fault()
    assert words in fault
    assert "secret" not in fault


def test_a_template_gives_each_cluster_its_own_address() -> None:
    found = uploads("https://s3/{cluster}.tgz?sig=1", ["a", "b"])
    assert {name: each.url for name, each in found.items()} == {
        "a": "https://s3/a.tgz?sig=1",
        "b": "https://s3/b.tgz?sig=1",
    }
    assert uploads(URL, ["a"]) == {"a": Upload(URL)}


def test_one_address_for_many_clusters_is_refused() -> None:
    with pytest.raises(ValueError, match="would overwrite each other"):
        uploads(URL, ["a", "b"])
    with pytest.raises(ValueError, match="it must begin with https"):
        uploads("http://s3/a", ["a"])


def test_a_file_has_a_line_for_each_cluster() -> None:
    assert listed_uploads(f"# comment\n\na  {URL}\n") == {"a": Upload(URL)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\n", "line 1 isn't CLUSTER ADDRESS"),
        (f"a {URL}\na {URL}\n", "line 2 names a again"),
        (f"a {URL}\nb {URL}\n", "line 2 has the address of another cluster again"),
        ("a http://s3/secret\n", "line 1 must begin with https://"),
    ],
)
def test_a_wrong_line_is_refused_and_not_quoted(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as raised:
        listed_uploads(text)
    assert "s3" not in str(raised.value)


def test_only_the_secret_of_the_work_has_the_address() -> None:
    upload = Upload(URL)
    body = gather_body(replace(REQUEST, upload=upload))
    manifests = body["spec"]["workload"]["manifests"]
    (secret,) = [each for each in manifests if each["kind"] == "Secret"]
    config = b64decode(secret["data"][CONFIG]).decode()
    assert config == f'url = "{URL}"\nproto = "=https"\ngloboff\n'
    others = json.dumps([each for each in manifests if each is not secret])
    assert "X-Amz-Signature" not in others
    assert secret["data"][CONFIG] not in others
    assert URL not in repr(replace(REQUEST, upload=upload))
    assert upload.redacted(f"PUT {URL} {secret['data'][CONFIG]}") == "PUT (removed) (removed)"


def test_a_must_gather_may_read_the_cluster_and_logs_but_no_secrets() -> None:
    body = gather_body(replace(REQUEST, upload=Upload(URL)))
    manifests = body["spec"]["workload"]["manifests"]
    roles = {each["roleRef"]["name"] for each in manifests if each["kind"] == "ClusterRoleBinding"}
    assert roles == {"cluster-reader", f"{NAME}-job"}
    (role,) = [each for each in manifests if each["kind"] == "ClusterRole"]
    assert [rule["resources"] for rule in role["rules"]] == [["pods/log"]]
    (job,) = [each for each in manifests if each["kind"] == "Job"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert {"name": "GATHER_SECONDS", "value": "225"} in container["env"]


SUM = "0" * 64


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (f"exit=0 http=200 bytes=12 sha256={SUM} gather=0\n", ""),
        (f"exit=22 http=403 bytes=12 sha256={SUM} gather=0\n", "curl's exit code 22, HTTP 403"),
        (f"exit=0 http=307 bytes=12 sha256={SUM} gather=0\n", "curl's exit code 0, HTTP 307"),
        (f"exit=127 http= bytes=12 sha256={SUM} gather=0\n", "curl's exit code 127, HTTP 000"),
        ("anything", "does not say whether"),
    ],
)
def test_the_cluster_reports_its_upload(said: str, problem: str) -> None:
    plain = entry("log\n", "gather - - -") + entry(said, "upload - - -")
    found = result_of(answered(data(plain)), RUN)
    assert found is not None
    assert [each.file for each in found.logs] == ["gather.log", "upload.txt"]
    report = found.uploaded()
    assert problem in report.problem
    assert (report.bytes, report.sha256) == ((0, "") if problem else (12, SUM))


def test_an_archive_of_a_gather_that_failed_is_reported_as_incomplete() -> None:
    plain = entry(f"exit=0 http=200 bytes=12 sha256={SUM} gather=124\n", "upload - - -")
    found = result_of(answered(data(plain)), RUN)
    assert found is not None
    report = found.uploaded()
    assert report.problem == "the archive is incomplete: gather ended with exit code 124"
    assert (report.bytes, report.sha256) == (12, SUM)


def test_a_result_without_an_upload_does_not_count_as_one() -> None:
    found = result_of(answered(data(entry("x"))), RUN)
    assert found is not None
    assert "does not say" in found.uploaded().problem
