"""Redaction by place and by name; and what a bundle keeps."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from ibgu.cli.collect.bundle import Bundle
from ibgu.cli.collect.redact import MAX_LENGTH, REMOVED, Redactor, scrubbed
from ibgu.cli.collect.redact.names import is_secret

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzaXRlIn0.c2lnbmF0dXJlLW9mLXNpdGU"
OPENSHIFT = "sha256~Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nplanted-key\n-----END RSA PRIVATE KEY-----"


def redacted(value: Any) -> Any:
    return Redactor().redacted(value)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Bearer abc.def rest", f"Bearer {REMOVED} rest"),
        ("Basic dXNlcjpwYXNz end", f"Basic {REMOVED} end"),
        ("https://u:p@host/x", f"https://{REMOVED}@host/x"),
        ("https://host/x?watch=true and", f"https://host/x?{REMOVED} and"),
        ("https://host/hooks/abc: refused", f"https://host{REMOVED} refused"),
        (f"a {JWT} b", f"a {REMOVED} b"),
        (f"a {OPENSHIFT} b", f"a {REMOVED} b"),
        ('{"auth": "dXNlcg=="}', f'{{"auth": "{REMOVED}"}}'),
        (f"x {KEY} y", f"x {REMOVED} y"),
        ("password=hunter2&x=1", f"password={REMOVED}&x=1"),
        ("password=a,b, user=x", f"password={REMOVED}, user=x"),
        ("key: abc, api key: def", f"key: abc, api key: {REMOVED}"),
        ("password: ''\nuser: x", "password: ''\nuser: x"),
        (r"\"token\": \"a\\\"b\", \"x\": 1", rf"\"token\": \"{REMOVED}\", \"x\": 1"),
        ("token: |\n  abc\n  def\nuser: x", f"token: |\n  {REMOVED}\n  {REMOVED}\nuser: x"),
    ],
)
def test_secrets_in_text_are_removed(text: str, left: str) -> None:
    assert scrubbed(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "precache job failed, sha256:0a1b",
        "pulling quay.io/openshift/seed@sha256:" + "0a1b2c3d" * 8,
        "docker://quay.io:5000/openshift/seed@sha256:" + "0a1b2c3d" * 8,
        'secrets "seed-pull" is forbidden: User "system:serviceaccount:a:b" cannot get resource',
        'spec.plan[0]: Invalid value: "Prepp": must be one of Prep, Upgrade',
        "step 2: 3 clusters failed in Upgrade (seed-pull): the seed image can't be pulled",
        "2026-11-20T03:15:00.123456Z leader ibgu-7d9c8b6f5d-x2lp1_6c1f0e55 lost the Lease",
        'Get "https://api.hub.example.com:6443/apis/lcm.openshift.io/v1alpha1": dial tcp 10.0.0.1',
        "token: null, expiry: 2026, tokenExpiresIn: 60",
        "pullSecretRef:\n  name: seed-pull",
        'ibgu_actions_total{action="Prep",cause="PrecacheFailed",result="failed"} 3.0',
        "/usr/lib/python3.11/site-packages/ibgu/controller/V2/MemberFinished_and_more.py",
        "site-0417.ran.east.example.com, SNO-DU-4417-Berlin-Mitte-2",
        "failed to pull quay.io/openshift/seed:4.17.3@sha256:" + "0a1b2c3d" * 8 + ": unauthorized",
        'Prep failed: failed to pull seed image: rpc error: code = Unknown desc: ping "quay.io"',
        "Rollback due to postpivot failure: failed to wait for cluster operators: authentication",
        "Prep completed successfully; stateroot rhcos_4.17.3, boot 3f6d4b1e-9a0c-4c1e-8b4e-5d",
        "system:serviceaccount:ibgu-system:ibgu-controller cannot patch manifestworks",
        "uid 6f1c2f0a-52a4-4d55-9f5c-0b1f6d9f2f11, resourceVersion 123456789, generation 4",
        "node site-1 (10.0.12.7:6443) login shell exited with 255 after 30 s",
        "error: You must be logged in to the server (the server has asked for credentials)",
        "couldn't get the pull secret seed-pull: it is not in namespace ran-417",
        "the password is expired, the token is not accepted",
        "tests pass in all runs, pass 3 of 5; token expired at 03:15:00, key site-417",
        "x509: certificate has expired: current time 2026-11-20T03:15:00Z is after 2026-11-19",
        'resources ["secrets", "configmaps"] in namespace "ibgu-system" may be read',
        "cancelled by ran-417/night-2, which works on the cluster since 03:15:00",
        "ssh core@10.0.0.1 -p 22; oc get pods -n openshift-lifecycle-agent",
        "git@github.com:openshift/lifecycle-agent.git at v4.17.1",
        "usage: mysql exited 1 at main.go:152: exit status 1",
        "annotation lca.openshift.io/target-ocp-version=4.17.3 is set, label zone=east",
    ],
)
def test_text_without_secrets_is_kept(text: str) -> None:
    assert scrubbed(text) == text


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("DB_PASSWORD", True),
        ("clientSecret", True),
        ("tls.key", True),
        ("x-api-key", True),
        ("_auth", True),
        ("a" * 500 + "Token", True),
        ("pullSecretRef", False),
        ("secretName", False),
        ("author", False),
        ("passed", False),
        ("key", False),
        ("tokenExpirationSeconds", False),
        ("resources", False),
    ],
)
def test_secret_field_names_are_recognized(name: str, secret: bool) -> None:
    assert is_secret(name) == secret


def test_parameters_behind_the_escapes_of_go() -> None:
    url = r"https://store/x?sv=2020\u0026se=2025\u0026sig=planted\u003d failed"
    assert "planted" not in redacted({"message": f"GET {url}"})["message"]


def test_objects_keep_what_is_no_secret() -> None:
    spec = {"seedImageRef": {"pullSecretRef": {"name": "pull"}}, "secretName": "x", "n": 1}
    assert redacted({"kind": "Any", "spec": spec}) == {"kind": "Any", "spec": spec}
    assert redacted({"metadata": {"managedFields": [1], "name": "x"}}) == {
        "metadata": {"name": "x"}
    }
    conditions = [{"type": "Applied", "status": "True", "reason": "Ok", "message": "applied"}]
    works = {"kind": "ManifestWork", "status": {"conditions": conditions}}
    assert redacted(works) == works


def test_values_are_redacted_by_field_name() -> None:
    assert redacted(({"token": ("x",)}, 1.5, "token=x")) == [
        *({"token": [REMOVED]}, 1.5, f"token={REMOVED}")
    ]
    assert redacted({"apiToken": "x", "list": [{"password": 12345, "z": None}]}) == {
        "apiToken": REMOVED,
        "list": [{"password": REMOVED, "z": None}],
    }
    assert redacted({"tokens": ["a", {"b": "c", "on": True}], "token": ""}) == {
        "tokens": [REMOVED, {"b": REMOVED, "on": True}],
        "token": "",
    }


def test_values_are_redacted_by_position() -> None:
    assert redacted({"kind": "Secret", "data": "odd"}) == {"kind": "Secret", "data": REMOVED}
    assert redacted({"metadata": {"annotations": {"ibgu.dev/pause": "night", "other": "x"}}}) == {
        "metadata": {"annotations": {"ibgu.dev/pause": "night", "other": REMOVED}}
    }
    assert redacted({"env": [{"name": "HOME", "value": "/x"}]}) == {
        "env": [{"name": "HOME", "value": REMOVED}]
    }
    assert redacted({"key": "gpu", "value": "a", "effect": "NoSelect"})["value"] == "a"
    assert redacted({"key": "db-password", "value": "a"})["value"] == REMOVED
    assert redacted(["run", "--token", "abc", "--n=1", "-v", "x"]) == [
        *("run", "--token", REMOVED, "--n=1", "-v", "x")
    ]


def test_claims_of_a_cluster() -> None:
    claims = [
        {"name": "version.openshift.io", "value": "4.17.3"},
        {"name": "id.k8s.io", "value": "site-1"},
        {"name": "note", "value": "anything"},
        "odd",
    ]
    left = redacted({"status": {"clusterClaims": claims}})["status"]["clusterClaims"]
    assert left == [*claims[:2], {"name": "note", "value": REMOVED}, "odd"]


def test_config_maps_leave_a_fingerprint_that_nobody_can_guess_from() -> None:
    one, other = Redactor(), Redactor()
    config = {"kind": "ConfigMap", "data": {"a": "hunter2", "b": "hunter2", "c": "x"}}
    left = one.redacted(config)["data"]
    assert left["a"] == left["b"] != left["c"]
    assert left["a"].startswith("(removed: 7 characters, fingerprint ")
    assert other.redacted(config)["data"]["a"] != left["a"]


def test_known_secrets_are_removed_everywhere() -> None:
    redactor = Redactor(["hunter2", ""])
    assert redactor.redacted({"hunter2": ["say hunter2"]}) == {REMOVED: [f"say {REMOVED}"]}


def test_a_long_text_ends_before_a_secret_that_does_not_fit() -> None:
    secret = "ghp_" + "x" * 36
    for before in range(MAX_LENGTH - 60, MAX_LENGTH + 10):
        assert "ghp_" not in redacted("a " * (before // 2) + secret + " b" * 600)


def test_log_lines_are_redacted(tmp_path: Path) -> None:
    bundle = Bundle(tmp_path, ["hunter2"])
    line = {"event": "refused", "error": f"Bearer {JWT}", "env": [{"name": "A", "value": "b"}]}
    text = msgspec.json.encode(line).decode()
    bundle.write("a.log", f"started\n{text}\n{KEY}\n{{odd\nhunter2")
    left = (tmp_path / "a.log").read_text().splitlines()
    assert left[0] == "started"
    assert msgspec.json.decode(left[1]) == {
        "event": "refused",
        "error": f"Bearer {REMOVED}",
        "env": [{"name": "A", "value": REMOVED}],
    }
    assert left[2:] == [REMOVED, "{odd", REMOVED]


def test_files_stay_in_their_folder(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    Bundle(folder, []).write("hub/logs/../../../a b/..", "x")
    [written] = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written == folder / "hub" / "logs" / "a_b"
