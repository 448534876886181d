"""The guide "An upgrade from zero", from its first command to its last, with simulated clusters."""

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from ibgu.sandbox.demo.sample import NAMESPACES
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.servers import free_port
from ibgu.sandbox.waiting import wait_until
from tests.docs.site import DOCS, ROOT
from tests.e2e.guide import Installer, block
from tests.e2e.harness import actions
from tests.e2e.kubelet import answers

PAGE = "guides/from-zero.md"
NAMESPACE = "ran-upgrades"
FAILS, BACK = "site-8", "site-9"
"""The cluster whose Prep fails, and the one that is rolled back."""
FLEET = ("site-7", FAILS, BACK, "site-10")
SEED = "seed-r750"
PROGRAMS = {
    "ibgu": f'#!/bin/sh\nexec "{sys.executable}" -m ibgu "$@"\n',
    "oc": '#!/bin/sh\nexec kubectl "$@"\n',
}
CONFIRMED = ("ibgu add-step", "ibgu finalize", "ibgu rollback")
"""Commands that ask a person for a confirmation."""


def sections() -> dict[str, list[str]]:
    """Returns the page's commands by the number of their section, each as one line."""
    found: dict[str, list[str]] = {}
    for part in (DOCS / PAGE).read_text().split("\n## ")[1:]:
        blocks = re.findall(r"^```(\w*)\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
        shell = "".join(text for language, text in blocks if not language)
        lines = shell.replace("\\\n", " ").splitlines()
        if lines:
            found[part.partition(".")[0]] = [" ".join(line.split()) for line in lines]
    return found


@pytest.fixture(scope="module")
def hub() -> Iterator[SandboxHub]:
    with SandboxHub(namespaces=(*NAMESPACES, NAMESPACE)) as hub:
        # As the chart does for its payloadNamespaces.
        reader = ("--clusterrole=ibgu-payload-reader", "--serviceaccount=ibgu-system:ibgu")
        Kubectl(hub)("create", "rolebinding", "ibgu-payload-reader", "-n", NAMESPACE, *reader)
        yield hub


@contextmanager
def running(environment: dict[str, str], *command: str) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "ibgu", *command],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def fleet(hub: SandboxHub, names: tuple[str, ...], *options: str) -> Iterator[None]:
    """Plays the clusters, and waits until the hub shows them as available."""
    environment = os.environ | {"KUBECONFIG": str(hub.kubeconfig("fleet"))}
    named = [word for name in names for word in ("--name", name)]
    sizes = ("--clusters", str(len(names)), "--durations", "0.5s-1s")
    kubectl = Kubectl(hub)

    def available() -> bool:
        found = kubectl.get("managedclusters")["items"]
        shown = {
            each["metadata"]["name"]
            for each in found
            for condition in each.get("status", {}).get("conditions", [])
            if condition["type"] == "ManagedClusterConditionAvailable"
        }
        return shown >= set(names)

    with running(environment, "simulate", *named, *sizes, *options):
        wait_until(available, "the clusters", lambda: None)
        yield


@contextmanager
def ibgu(hub: SandboxHub, database_url: str) -> Iterator[str]:
    """Yields the address of an ibgu that inspects clusters."""
    address = f"127.0.0.1:{free_port()}"
    environment = os.environ | {
        "KUBECONFIG": str(hub.kubeconfig("ibgu")),
        "DATABASE_URL": database_url,
        "IBGU_LISTEN": address,
        "IBGU_PREFLIGHT_INSPECTIONS": "true",
    }

    with running(environment, "run", "--migrate"):
        wait_until(lambda: answers(f"http://{address}/readyz"), "ibgu", lambda: None)
        yield f"http://{address}"


@pytest.fixture
def person(hub: SandboxHub, empty_url: str, tmp_path: Path) -> Iterator[Installer]:
    """A person with the guide's files, on a hub with ibgu and the guide's clusters."""
    (tmp_path / "bin").mkdir()
    for name, text in PROGRAMS.items():
        program = tmp_path / "bin" / name
        program.write_text(text)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    content = DOCS / "examples" / "gitops" / "content"
    for name in ("oadp", "extra"):
        shutil.copytree(content / name, tmp_path / name)
    (tmp_path / "ran-417.yaml").write_text(block("kind: ImageBasedGroupUpgrade", PAGE))
    programs = (str(tmp_path / "bin"), str(hub.kubectl.parent), os.environ["PATH"])
    with (
        fleet(hub, (SEED,), "--version", "4.17.3"),
        ibgu(hub, empty_url) as address,
    ):
        environment = {
            "PATH": ":".join(programs),
            "PYTHONPATH": str(ROOT),
            "HOME": str(tmp_path),
            "KUBECONFIG": str(hub.kubeconfig("admin")),
            "IBGU_SERVER": address,
            "IBGU_TOKEN": hub.token("admin"),
            "IMAGE": image(),
        }
        yield Installer(tmp_path, environment)


def image() -> str:
    body = yaml.safe_load(block("kind: ImageBasedGroupUpgrade", PAGE))
    return str(body["spec"]["ibuSpec"]["seedImageRef"]["image"])


def test_the_guide_is_walked_from_its_first_command_to_its_last(
    person: Installer, hub: SandboxHub
) -> None:
    walk, kubectl = sections(), Kubectl(hub)
    makes_the_seed(person, walk["2"])
    labels = [word for each in LABELS for word in ("--label", each)]
    fault = ("--fault", f"prep.precache@{FAILS}")
    with fleet(hub, FLEET, "--version", "4.16.9", *labels, *fault):
        [inspected] = [line for line in walk["1"] if line.startswith("ibgu preflight ")]
        assert "4 of 4 clusters were inspected" in person.types(inspected)
        packs(person, walk["3"])
        checks(person, walk["4"])
        upgrades(person, kubectl, walk["5"])
        decides(person, kubectl, walk["6"])
        [stragglers] = walk["7"]
        assert FAILS in person.types(stragglers)


LABELS = ("region=north", "site.example.com/server=r750")


def makes_the_seed(person: Installer, lines: list[str]) -> None:
    generate, add = lines
    assert "wrote seed: follow seed/README.md" in person.types(generate)
    assert {"seedgenerator.yaml", "README.md"} <= {
        e.name for e in (person.folder / "seed").iterdir()
    }
    person.types(f"oc delete managedcluster {SEED}")
    assert person.types(add) == "seedimage.ibgu.dev/du-r750-4.17.3 created\n"


def packs(person: Installer, lines: list[str]) -> None:
    for line in lines:
        told = person.types(line)
        assert " lint " not in line or told.startswith("no findings in ")
    for name in ("configmap -n openshift-adp oadp-cm", "secret -n ran-upgrades seed-pull-secret"):
        person.types(f"oc get {name}")


def checks(person: Installer, lines: list[str]) -> None:
    preflight, preview = lines
    told = person.types(preflight)
    assert "no errors for 4 clusters" in told
    assert "4 of 4 clusters were inspected" in told
    assert "P41" not in told
    assert "P32" not in told
    assert "4 clusters" in person.types(preview)


def upgrades(person: Installer, kubectl: Kubectl, lines: list[str]) -> None:
    for line in lines:
        if line.startswith("ibgu status"):
            # A cluster has failed: that is an exit code of its own.
            told = person.tries(line)
            assert told.returncode in (0, 1), (told.returncode, told.stdout, told.stderr)
        else:
            person.types(confirmed(line))
    assert completed(kubectl, "ran-417") == {
        name: ["Prep", "Upgrade"] for name in FLEET if name != FAILS
    } | {FAILS: []}


def decides(person: Installer, kubectl: Kubectl, lines: list[str]) -> None:
    """Takes both ways, each for some of the clusters."""
    rollback, finalize = lines
    told = person.types(confirmed(rollback))
    name = told.splitlines()[-1].removeprefix("Next: ibgu finalize ").split()[0]
    person.types(confirmed(f"ibgu finalize {name} -n {NAMESPACE}"))
    assert completed(kubectl, name) == {BACK: ["Rollback", "FinalizeRollback"]}
    person.types(confirmed(finalize))
    for each, done in completed(kubectl, "ran-417").items():
        assert done == ([] if each == FAILS else ["Prep", "Upgrade"]) + (
            ["FinalizeUpgrade"] if each not in (FAILS, BACK) else []
        )


def confirmed(line: str) -> str:
    return f"{line} --yes" if line.startswith(CONFIRMED) else line


def completed(kubectl: Kubectl, name: str) -> dict[str, list[str]]:
    status = kubectl.get("ibgu", name, "-n", NAMESPACE)["status"]
    return {each["name"]: list(actions(each, "completed")) for each in status["clusters"]}


def test_every_section_of_the_guide_has_commands() -> None:
    assert set(sections()) == set("1234567")
