"""The commands about content, on files as a person has them."""

import json
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from ibgu.cli.app import app
from ibgu.cli.content import files
from ibgu.cli.content.packing import packed
from tests.core.drivers.ibu.preflight.content import EXTRA, LVMS, SAMPLES

AGENT, LVM, CLUSTER, APP = LVMS


def ibgu(*words: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, words)))


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A directory with the Backups and Restores of a cluster with LVM Storage."""
    for name in LVMS:
        (tmp_path / name).write_text((SAMPLES / name).read_text())
    (tmp_path / "README.md").write_text("not content")
    (tmp_path / "old.yaml").mkdir()
    return tmp_path


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_right_content_ends_with_0(content: Path) -> None:
    done = ibgu("oadp", "lint", content, "--storage", "lvms", "--pull-secret")
    assert (done.exit_code, done.stdout) == (0, "no findings in 8 documents\n")
    done = ibgu("manifests", "lint", SAMPLES / EXTRA, "--target", "4.17.2")
    assert (done.exit_code, done.stdout) == (0, "no findings in 4 documents\n")


def test_an_error_has_file_and_line_and_ends_with_1(content: Path) -> None:
    spoil(content / APP, "backupName: voting", "backupName: votes")
    done = ibgu("oadp", "lint", content)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        f"{content / APP}:4: warning P16: Backup openshift-adp/voting metadata.name: "
        "no Restore names this Backup",
        f"{content / APP}:37: error P16: Restore openshift-adp/voting spec.backupName: "
        "Backup votes doesn't exist",
        "    → Add what is missing, or correct spec.backupName.",
        "1 error, 1 warning in 8 documents",
    ]


def test_a_warning_ends_with_0(content: Path) -> None:
    done = ibgu("oadp", "lint", content, "--no-pull-secret")
    assert done.exit_code == 0
    assert done.stdout.endswith("\n1 warning in 8 documents\n")


def test_findings_for_programs(content: Path) -> None:
    spoil(content / LVM, '"2"', "2")
    done = ibgu("oadp", "lint", content / LVM, content / AGENT, "-o", "json")
    assert done.exit_code == 1
    body = json.loads(done.stdout)
    assert body["summary"] == {"error": 1, "warning": 0}
    (found,) = body["findings"]
    assert found["file"] == str(content / LVM)
    assert found["line"] == 24
    assert found["rule"] == "P18"
    assert found["object"] == "Restore openshift-adp/lvmcluster"
    assert found["field"] == "metadata.annotations[lca.openshift.io/apply-wave]"
    assert found["reference"] == "15.1.2.4.1"


def test_a_config_map_is_read_by_its_data(tmp_path: Path) -> None:
    data = {name: (SAMPLES / name).read_text() for name in LVMS}
    data[APP] = data[APP].replace("restorePVs: true", "restorePVs: false")
    cm = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "oadp-cm"}, "data": data}
    path = tmp_path / "cm.yaml"
    path.write_text(yaml.safe_dump(cm, default_style="|"))
    done = ibgu("oadp", "lint", path)
    assert done.exit_code == 1
    (line,) = [n for n, text in enumerate(path.read_text().splitlines(), 1) if "PVs: false" in text]
    assert done.stdout.startswith(f"{path}:{line}: error P24: Restore openshift-adp/voting")


def test_explain_draws_the_waves(content: Path) -> None:
    done = ibgu("oadp", "explain", content)
    assert done.exit_code == 0
    before, after = done.stdout.split("after the reboot")
    assert "acm-klusterlet         11 labelled objects: deployments, secrets," in before
    assert "namespace openshift-storage: lvmclusters, lvmvolumegroups," in before
    assert "cluster-scoped: persistentVolumes, logicalvolumes.topolvm.io" in before
    assert after.splitlines()[1:] == [
        "├─ wave 1",
        "│  └─ acm-klusterlet         from Backup acm-klusterlet",
        "├─ wave 2",
        "│  └─ lvmcluster             from Backup lvmcluster",
        "├─ wave 3",
        "│  └─ voting-cluster-scoped  from Backup voting-cluster-scoped",
        "└─ wave 4",
        "   └─ voting                 from Backup voting, with its volumes",
    ]


def test_explain_says_what_it_leaves_out(content: Path) -> None:
    (content / "z.yaml").write_text("a: b: c")
    done = ibgu("oadp", "explain", content)
    assert done.exit_code == 1
    assert "wave 4" in done.stdout
    assert "1 document can't be read" in done.stderr
    done = ibgu("oadp", "explain", SAMPLES / EXTRA)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "ibgu: the files contain neither a Backup nor a Restore\n"


def test_explain_draws_content_that_is_half_done(tmp_path: Path) -> None:
    path = tmp_path / "half.yaml"
    path.write_text("apiVersion: velero.io/v1\nkind: Backup\nmetadata: {name: b}\nspec: {}\n---\n"
                    "apiVersion: velero.io/v1\nkind: Restore\nmetadata: {name: r}\n")  # fmt: skip
    told = ibgu("oadp", "explain", path).stdout
    assert "b  all: everything" in told
    assert "r  from no Backup" in told
    path.write_text(path.read_text() + "spec: {backupName: lost}\n")
    assert "r  from Backup lost, which doesn't exist" in ibgu("oadp", "explain", path).stdout


def test_content_comes_through_a_pipe(content: Path) -> None:
    text = "---\n".join((content / name).read_text() for name in LVMS)
    done = CliRunner().invoke(app, ["oadp", "lint", "-"], input=text)
    assert (done.exit_code, done.stdout) == (0, "no findings in 8 documents\n")
    done = CliRunner().invoke(app, ["oadp", "lint", "-"], input="kind: [\n")
    assert "-:2: error P15: object: isn't valid YAML" in done.stdout
    large = b"#" * (1024 * 1024 + 1)
    assert "larger than" in CliRunner().invoke(app, ["oadp", "explain", "-"], input=large).stderr
    done = CliRunner().invoke(app, ["oadp", "pack", "-"], input=text)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "has no name" in done.stderr


def pack(content: Path, *options: str) -> dict[str, str]:
    done = ibgu("oadp", "pack", content, *options)
    assert done.exit_code == 0, done.stderr
    body = yaml.safe_load(done.stdout)
    assert body["metadata"] == {"name": "oadp-cm", "namespace": "openshift-adp"}
    return dict(body["data"])


def test_a_packed_directory_has_the_files_byte_by_byte(content: Path) -> None:
    assert pack(content) == {name: (SAMPLES / name).read_text() for name in LVMS}
    written = content / "out.txt"
    assert ibgu("oadp", "pack", content, "-o", written).stdout == ""
    assert written.read_text() == ibgu("oadp", "pack", content).stdout


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_is_packed_as_it_is(text: str) -> None:
    assert yaml.safe_load(packed("a", "n", {"b": text}))["data"] == {"b": text}


def test_content_with_an_error_is_packed_only_with_force(content: Path) -> None:
    spoil(content / LVM, '"2"', "2")
    done = ibgu("oadp", "pack", content)
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"{content / LVM}:24: error P18" in done.stderr
    assert "nothing was packed" in done.stderr
    assert "wave: 2" in pack(content, "--force")[LVM]


def test_content_with_a_warning_is_packed(content: Path) -> None:
    done = ibgu("oadp", "pack", content, "--no-pull-secret")
    assert done.exit_code == 0
    assert "warning P22" in done.stderr
    assert yaml.safe_load(done.stdout)["kind"] == "ConfigMap"


def test_content_that_no_config_map_holds_is_not_packed(content: Path) -> None:
    for words, option, code in (
        ("isn't a valid name of a ConfigMap", "Oadp", 2),
        ("isn't a valid name of a ConfigMap", "a" * 254, 2),
    ):
        done = ibgu("oadp", "pack", content, "--name", option)
        assert (done.exit_code, done.stdout) == (code, "")
        assert words in done.stderr
    assert "no such file" in ibgu("oadp", "pack", content / "nowhere").stderr
    done = ibgu("oadp", "pack", content, "-n", "open.shift")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "isn't a valid name of a namespace" in done.stderr
    assert ibgu("oadp", "pack", content, "-o", content / "no" / "x").exit_code == 2
    (content / "5-large.yaml").write_text("#" * 600_000)
    done = ibgu("oadp", "pack", content)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "the largest is 5-large.yaml with 600000 bytes" in done.stderr
    (content / "5-large.yaml").unlink()
    (content / "my app.yaml").write_text("# mine")
    assert "can't be a key" in ibgu("oadp", "pack", content).stderr


def test_files_are_packed_from_several_places(content: Path, tmp_path: Path) -> None:
    apart = tmp_path / "apart"
    apart.mkdir()
    (content / APP).rename(apart / APP)
    done = ibgu("oadp", "pack", content, apart / APP, "--name", "a.b", "-n", "ran-upgrades")
    body = yaml.safe_load(done.stdout)
    assert body["metadata"] == {"name": "a.b", "namespace": "ran-upgrades"}
    assert set(body["data"]) == set(LVMS)
    (apart / LVM).write_text("# another one")
    done = ibgu("oadp", "pack", content, apart)
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"{apart / LVM}: {content / LVM} has that name, too" in done.stderr


def test_a_config_map_is_not_packed_into_another(content: Path) -> None:
    """A second run must not take the first one's output for content."""
    out = content / "oadp-cm.yaml"
    assert ibgu("oadp", "pack", content, "-o", out).exit_code == 0
    before = out.read_text()
    again = ibgu("oadp", "pack", content, "-o", out)
    assert (again.exit_code, out.read_text()) == (2, before)
    assert "is among the files to pack" in again.stderr
    other = ibgu("oadp", "pack", content)
    assert (other.exit_code, other.stdout) == (2, "")
    assert f"{out}:1: is a ConfigMap: pack the Backups and Restores themselves" in other.stderr


def test_extra_manifests_are_packed_if_they_have_no_error(tmp_path: Path) -> None:
    extra = tmp_path / EXTRA
    extra.write_text((SAMPLES / EXTRA).read_text())
    done = ibgu("manifests", "pack", tmp_path, "--target", "4.18.1")
    assert done.exit_code == 0
    assert "warning P28" in done.stderr
    body = yaml.safe_load(done.stdout)
    place = {"name": "extra-manifests", "namespace": "openshift-lifecycle-agent"}
    assert body["metadata"] == place
    assert body["data"] == {EXTRA: extra.read_text()}
    spoil(extra, "kind: Namespace", "kind: MachineConfig")
    spoil(extra, "apiVersion: v1\n", "apiVersion: machineconfiguration.openshift.io/v1\n")
    done = ibgu("manifests", "pack", tmp_path)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "error P25" in done.stderr
    assert ibgu("manifests", "pack", tmp_path, "--force").exit_code == 0


def test_explain_draws_the_order_of_extra_manifests(tmp_path: Path) -> None:
    done = ibgu("manifests", "explain", SAMPLES / EXTRA)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "after the reboot, before the Restores: one object after the other, in this order",
        "├─ wave 1",
        "│  └─ Namespace                    sriov-attachments",
        "├─ wave 2",
        "│  ├─ NetworkAttachmentDefinition  sriov-attachments/attachment",
        "│  └─ SriovNetworkNodePolicy       openshift-sriov-network-operator/midhaul",
        "└─ no wave",
        "   └─ CatalogSource                openshift-marketplace/disconnected-operators",
    ]
    (tmp_path / "a.yaml").write_text("# nothing\n")
    done = ibgu("manifests", "explain", tmp_path)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "ibgu: the files contain no manifest\n"


SETTINGS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: app}
data:
  level: debug
  app.yaml: |
    a: b: c
"""


def test_a_config_map_that_carries_no_manifest_is_one_itself(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(SETTINGS)
    done = ibgu("manifests", "lint", tmp_path)
    assert (done.exit_code, done.stdout) == (0, "no findings in 1 document\n")
    body = yaml.safe_load(ibgu("manifests", "pack", tmp_path).stdout)
    assert body["data"] == {"settings.yaml": SETTINGS}


def test_a_list_of_config_maps_is_read_by_their_data(content: Path, tmp_path: Path) -> None:
    """`oc get configmaps -o yaml` prints several ConfigMaps so."""
    spoil(content / APP, "backupName: voting", "backupName: votes")
    parts = [{"apiVersion": "v1", "kind": "ConfigMap", "data": {name: (content / name).read_text()}}
             for name in LVMS]  # fmt: skip
    path = tmp_path / "maps.yml"
    listed = {"apiVersion": "v1", "kind": "List", "items": parts}
    path.write_text(yaml.safe_dump(listed, default_style="|"))
    done = ibgu("oadp", "lint", path)
    lines = path.read_text().splitlines()
    (wrong,) = [n for n, text in enumerate(lines, 1) if "backupName: votes" in text]
    assert f"{path}:{wrong}: error P16: Restore openshift-adp/voting" in done.stdout
    assert done.stdout.endswith("in 8 documents\n")


def test_words_of_files_stay_words(tmp_path: Path) -> None:
    """Neither a name in a file nor a file's own name moves the terminal's cursor."""
    path = tmp_path / "a\x1b[2K\nb.yaml"
    fake = '"a\\r\\nedge: no findings\\e[1A\\e[2K\\u202e"'
    path.write_text(f"apiVersion: {fake}\nkind: {fake}\nmetadata: {{name: {fake}}}\n")
    for form in ("text", "json"):
        done = ibgu("oadp", "lint", path, "-o", form)
        assert done.exit_code == 1
        assert "\x1b" not in done.stdout
        assert "\u202e" not in done.stdout
        assert "\nedge" not in done.stdout


def test_unreadable_files_are_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9\n")
    (tmp_path / "large.yaml").write_bytes(b"#" * (1024 * 1024 + 1))
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    for name, words, code in (
        ("latin.yaml", "isn't UTF-8 text", 1),
        ("large.yaml", "is larger than 1048576 bytes", 1),
        ("empty", "no file ends with .yaml", 2),
        ("nowhere", "no such file", 2),
        ("pipe.yaml", "no such file", 2),
        ("a" * 300, "File name too long", 2),
    ):
        done = ibgu("oadp", "lint", tmp_path / name)
        assert (done.exit_code, done.stdout) == (code, "")
        assert words in done.stderr
        assert done.stderr.count("\n") == 1
    monkeypatch.setattr(files, "MAX_FILES", 1)
    done = ibgu("oadp", "lint", tmp_path / "latin.yaml", tmp_path / "large.yaml")
    assert (done.exit_code, done.stderr) == (2, "ibgu: 2 files: at most 1 are read at once\n")


def test_a_bomb_is_a_finding(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    (tmp_path / "bomb.yaml").write_text(bomb)
    done = ibgu("manifests", "lint", tmp_path)
    assert done.exit_code == 1
    assert "has more than 100000 values" in done.stdout


def test_a_hub_template_is_an_error_with_file_and_line(content: Path) -> None:
    spoil(content / APP, "backupName: voting", "backupName: {{hub .ManagedClusterLabels.app hub}}")
    done = ibgu("oadp", "lint", content, "--storage", "lvms")
    assert done.exit_code == 1
    assert f"{content / APP}:37: error P42: object: has a hub template ({{{{hub)" in done.stdout
    assert ibgu("oadp", "pack", content).exit_code == 1
    done = ibgu("oadp", "pack", content, "--force")
    assert done.exit_code == 0
    assert yaml.safe_load(done.stdout)["data"][APP] == (content / APP).read_text()
    (content / "packed.yaml").write_text(done.stdout)
    done = ibgu("oadp", "lint", content / "packed.yaml", "--storage", "lvms")
    assert done.exit_code == 1
    assert f"{content / 'packed.yaml'}:" in done.stdout


# -- convert -----------------------------------------------------------------------------------

CGU = {
    "apiVersion": "ran.openshift.io/v1alpha1",
    "kind": "ClusterGroupUpgrade",
    "metadata": {"name": "z-stream", "namespace": "ran"},
    "spec": {
        "backup": True,
        "clusterLabelSelectors": [{"matchLabels": {"region": "north"}}],
        "managedPolicies": ["platform"],
        "remediationStrategy": {"maxConcurrency": 10},
    },
}
VERSION = {
    "kind": "ClusterVersion",
    "spec": {
        "desiredUpdate": {
            "version": "4.16.12",
            "image": f"quay.example/ocp-release@sha256:{'a' * 64}",
        }
    },
}
TEMPLATES = [{"complianceType": "musthave", "objectDefinition": VERSION}]
POLICIES = {
    "apiVersion": "v1",
    "kind": "List",
    "items": [
        {
            "kind": "Policy",
            "metadata": {"name": "platform"},
            "spec": {
                "policy-templates": [
                    {"objectDefinition": {"spec": {"object-templates": TEMPLATES}}}
                ]
            },
        }
    ],
}


def test_a_cluster_group_upgrade_becomes_a_file_with_a_fleet_update(tmp_path: Path) -> None:
    """The policies are a List, as `oc get policies -o yaml` prints it."""
    cgu, policies, output = (tmp_path / name for name in ("cgu.yaml", "policies.yaml", "out"))
    cgu.write_text(yaml.safe_dump(CGU))
    policies.write_text(yaml.safe_dump(POLICIES))
    found = ibgu("convert", "-f", cgu, "-f", policies, "-o", output)
    assert found.exit_code == 0, found.stderr
    assert found.stderr.startswith("ibgu: left out: backup: name an image for its Job")
    update = yaml.safe_load(output.read_text())
    assert update["kind"] == "FleetUpdate"
    assert update["spec"]["update"]["release"]["version"] == "4.16.12"


def test_an_object_that_can_not_be_converted_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    cgu = tmp_path / "cgu.yaml"
    cgu.write_text(yaml.safe_dump(CGU))
    found = ibgu("convert", "-f", cgu)
    assert (found.exit_code, found.stdout) == (1, "")
    words = "the policy platform was not given: add its file, or read it from the hub (--hub)"
    assert f"not converted: {words}" in found.stderr
    cgu.write_text("kind: [")
    broken = ibgu("convert", "-f", cgu)
    assert broken.exit_code == 1
    assert "cgu.yaml:2: " in broken.stderr


def test_there_must_be_one_cluster_group_upgrade(tmp_path: Path) -> None:
    policies = tmp_path / "policies.yaml"
    policies.write_text(yaml.safe_dump(POLICIES))
    found = ibgu("convert", "-f", policies)
    assert found.exit_code == 2
    assert "0 objects of kind ClusterGroupUpgrade: give exactly one" in found.stderr
