"""Completion: what a half-typed line asks for, and what the shells get."""

import asyncio
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from ibgu.cli import complete
from ibgu.cli.app import app as commands
from ibgu.cli.complete import Shell
from ibgu.core.model.kinds import SeedImageRef
from ibgu.db import Journal
from ibgu.sandbox.hub import SandboxHub
from tests.api.fleet import fleet, rollout, seen, spec
from tests.cli.conftest import in_thread

BIN = Path(sys.executable).parent
PATIENCE = 60.0
"""Seconds, where a person at a shell has two: machines that run tests are busy."""
TRIES = 20


def words(*typed: str) -> list[str]:
    """Returns what fish would offer, whose protocol has a candidate in each line."""
    asking = {
        "_IBGU_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": shlex.join(["ibgu", *typed]),
    }
    done = CliRunner().invoke(commands, prog_name="ibgu", env=asking)
    assert done.exit_code == 0, done.output
    return [line.partition("\t")[0] for line in done.stdout.splitlines() if line]


def test_commands_and_options() -> None:
    assert words("stat") == ["status"]
    assert "--watch" in words("status", "ran", "--w")
    assert "--watch" not in words("status", "ran", "--watch", "--w")
    assert words("simulate", "--label", "a=b", "--lab") == ["--label"]
    assert words("migrate", "") == []


def test_a_group_of_commands() -> None:
    assert words("notif") == ["notify"]
    assert words("notify", "") == ["test"]
    assert words("notify", "test", "--rec") == ["--receiver"]
    assert words("oadp", "") == ["lint", "explain", "pack"]
    assert words("manifests", "") == ["lint", "explain", "pack"]
    assert words("oadp", "lint", "--storage", "") == ["lso", "lvms"]


def test_fixed_choices_are_completed() -> None:
    assert words("get", "-o", "") == ["table", "wide", "json", "yaml", "name"]
    assert words("get", "--output=j") == ["json"]
    assert words("completion", "") == ["bash", "zsh", "fish"]


@pytest.fixture
async def asking(
    journal: Journal, server: str, sandbox_hub: SandboxHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fleet(journal)
    await seen(journal, rollout("x1", namespace="edge"))
    monkeypatch.setattr(complete, "SECONDS", PATIENCE)
    monkeypatch.setenv("IBGU_SERVER", server)
    monkeypatch.setenv("IBGU_TOKEN", sandbox_hub.token("alice"))
    monkeypatch.setenv("KUBECONFIG", str(sandbox_hub.kubeconfig("alice")))


@pytest.mark.usefixtures("asking")
async def test_names_that_the_api_knows() -> None:
    async def told(*typed: str) -> list[str]:
        return await in_thread(words, *typed)

    assert await told("status", "") == ["ran-r1"]
    assert await told("status", "-n", "edge", "ran-") == ["ran-x1"]
    assert await told("status", "--namespace=edge", "") == ["ran-x1"]
    assert sorted(await told("status", "ran-r1", "-n", "")) == ["default", "edge"]
    assert await told("status", "--namespace=e") == ["edge"]
    assert await told("explain", "ran-r1", "") == ["a", "b", "c", "d", "e", "f", "g"]
    assert await told("explain", "a") == ["a"]
    assert await told("history", "g") == ["g"]
    assert await told("events", "ran-r1", "--cluster", "c") == ["c"]
    assert await told("events", "ran-x1", "-n", "edge", "--cluster", "") == []
    assert await told("stragglers", "ran-r1", "--cause", "Prec") == ["PrecacheFailed"]
    assert await told("simulate", "--seed", "") == []


@pytest.mark.usefixtures("asking")
async def test_completion_offers_only_allowed_changes(journal: Journal) -> None:
    await seen(journal, rollout("y1", spec=replace(spec(), plan=spec().plan[:1])))
    told = await in_thread(words, "add-step", "ran-y1", "")
    assert told == ["Upgrade", "Abort", "AbortOnFailure"]
    assert await in_thread(words, "add-step", "ran-y1", "Upgrade", "") == ["FinalizeUpgrade"]
    assert await in_thread(words, "add-step", "ran-r1", "") == []
    assert await in_thread(words, "skip", "ran-r1", "g") == ["g"]


@pytest.mark.usefixtures("asking")
async def test_zsh_evaluates_no_text_of_others(journal: Journal) -> None:
    seed = SeedImageRef(version="4.17 \\\" =(touch mine) `id` '$(id)")
    ibu = replace(spec().ibu_spec, seed_image_ref=seed)
    await seen(journal, rollout("z1", spec=replace(spec(), ibu_spec=ibu)))
    asking = {"_IBGU_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "ibgu status ran-z"}
    done = await asyncio.to_thread(CliRunner().invoke, commands, prog_name="ibgu", env=asking)
    assert done.stdout == """_arguments '*: :(("ran-z1":"Running, 4.17  touch mine id id"))'\n"""


@pytest.mark.usefixtures("asking")
async def test_completion_is_empty_for_a_wrong_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IBGU_TOKEN", "wrong")
    assert await in_thread(words, "status", "") == []


def run(*command: str) -> str:
    path = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | path
    )
    return done.stdout


async def answered(empty: str, command: Callable[..., str], *words: str) -> str:
    """Returns the answer of a process of its own, which waits no longer than for a person."""
    for _ in range(TRIES):
        if (told := await in_thread(command, *words)) != empty:
            return told
    return empty


@pytest.mark.usefixtures("asking")
async def test_bash_completes_rollout_names() -> None:
    line = "source <(ibgu completion bash); COMP_WORDS=(ibgu status ''); COMP_CWORD=2"
    script = f"{line}; _ibgu_completion ibgu; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    assert await answered("\n", run, "bash", "-c", script) == "ran-r1\n"


def entry(name: str, *words: str) -> str:
    """Returns what the executable of that name prints, installed or not."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    module, _, function = project["project"]["scripts"][name].partition(":")
    code = f"import sys; from {module} import {function}; sys.argv[0] = {name!r}; {function}()"
    return run(sys.executable, "-c", code, *words)


@pytest.mark.usefixtures("asking")
async def test_kubectl_completes_rollout_names() -> None:
    """kubectl's protocol: candidates with their help, then a directive."""
    told = await answered(":4\n", entry, "kubectl_complete-ibgu", "status", "")
    assert told == "ran-r1\tRunning, 4.17.2\n:4\n"


@pytest.mark.parametrize("shell", [shell for shell in Shell if shutil.which(shell)])
def test_the_shell_reads_its_script(shell: Shell, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(run("ibgu", "completion", shell))
    run(shell, "-n", str(script))


@pytest.mark.parametrize("shell", list(Shell))
def test_the_script_asks_ibgu(shell: Shell) -> None:
    assert f"_IBGU_COMPLETE=complete_{shell}" in run("ibgu", "completion", shell)


def test_ibgu_runs_as_a_kubectl_plugin() -> None:
    assert entry("kubectl-ibgu", "--help").startswith("Usage: kubectl ibgu [OPTIONS] COMMAND")
    assert entry("ibgu", "--help").startswith("Usage: ibgu [OPTIONS] COMMAND")
