"""Completes names in shells, by typer's completion; typer itself knows commands, options and
choices. Errors stay silent, as a shell waits for the result."""

import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct

if TYPE_CHECKING:
    from ibgu.cli.rest.target import RestTarget
    from ibgu.client import Client

SECONDS = 2.0
"""Seconds to wait for a response of the REST API."""
MAX_NAMES = 100
_NOT_PLAIN = re.compile(r"[^\w .,+/-]")
"""zsh evaluates what typer prints, and a rollout's version may be anybody's text."""
_PRESENT = ("pending", "running", "complete")
_NO_FILES = ":4"
"""kubectl's last line: do not propose files."""


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    ctx: typer.Context,
    shell: Annotated[Shell, typer.Argument(help="Shell to complete for.", show_default=False)],
) -> None:
    """Print a shell's completion script."""
    _ask_typer(ctx.find_root().command, _IBGU_COMPLETE=f"source_{shell}")


def complete_for_kubectl(ibgu: Callable[..., object]) -> None:
    """Completes for kubectl, which calls `kubectl_complete-ibgu WORDS` for `kubectl ibgu WORDS` and
    reads the same lines as fish."""
    _ask_typer(
        ibgu,
        _IBGU_COMPLETE="complete_fish",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
        _TYPER_COMPLETE_ARGS=shlex.join(["ibgu", *sys.argv[1:]]),
    )
    print(_NO_FILES)


def _ask_typer(ibgu: Callable[..., object], **variables: str) -> None:
    """Prints what a shell gets that asks by these variables."""
    os.environ.update(variables)
    with suppress(SystemExit):
        ibgu(prog_name="ibgu")


class IncompleteCommandLine(Struct, frozen=True):
    """IncompleteCommandLine is a command line whose last word is not complete."""

    target: "RestTarget"
    given: Mapping[str, Any]
    """Values of arguments and options, by parameter."""
    loose: Sequence[str]
    """Arguments, where the word is an option's: typer has not assigned them yet."""
    word: str

    @property
    def client(self) -> "Client":
        return self.target.client()

    @property
    def namespace(self) -> str:
        return self.target.in_namespace()

    @property
    def rollout(self) -> str:
        names = (self.given.get("name"), *(self.given.get("names") or ()), *self.loose)
        return next((str(name) for name in names if name), "")


Found = Iterator[tuple[str, str]]
"""Names with their help."""


def _offered(find: Callable[[IncompleteCommandLine], Found]) -> Callable[[typer.Context, str], Any]:
    """Returns typer's callback for what `find` yields; it offers nothing if REST can't be asked."""

    def names(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
        from ibgu.cli.rest.target import RestTarget
        from ibgu.client import RestError

        given = ctx.params
        options = ("server", "token", "ca_file", "namespace")
        target = RestTarget(**{each: given.get(each) or "" for each in options}, seconds=SECONDS)
        try:
            found = find(IncompleteCommandLine(target, given, ctx.args, incomplete))
            fitting = (
                (name, _NOT_PLAIN.sub("", help_text))
                for name, help_text in found
                if name.startswith(incomplete) and not _NOT_PLAIN.search(name)
            )
            return list(dict(islice(fitting, MAX_NAMES)).items())
        except RestError:
            return []

    return names


def _rollouts(line: IncompleteCommandLine) -> Found:
    for each in line.client.rollouts(namespace=line.namespace, state=_PRESENT):
        yield each.name, f"{each.phase}, {each.release.version}"


def _clusters(line: IncompleteCommandLine) -> Found:
    """Yields the clusters of the named rollout, or else all that the caller may see."""
    if line.rollout:
        for member in line.client.members(line.namespace, line.rollout, cluster=line.word):
            yield member.cluster, member.outcome or member.state
    else:
        names = line.client.clusters(
            prefix=line.word, namespace=line.given.get("namespace") or None
        )
        yield from ((name, "") for name in names)


def _rollouts_or_clusters(line: IncompleteCommandLine) -> Found:
    """Yields rollouts and clusters, as `explain` takes both; the second name is always a
    cluster's."""
    if not line.rollout:
        yield from _rollouts(line)
    yield from _clusters(line)


def _causes(line: IncompleteCommandLine) -> Found:
    for group in line.client.failures(line.namespace, line.rollout).items:
        yield group.failure or group.cause or "", f"{group.count} clusters"


def _next_actions(line: IncompleteCommandLine) -> Found:
    """Yields the steps that may be appended now and begin with what is typed."""
    typed = tuple(line.given.get("actions") or ())
    for permit in line.client.actions(line.namespace, line.rollout).items:
        for step in permit.plans:
            if step[: len(typed)] == typed and len(step) > len(typed):
                yield step[len(typed)], "+".join(step)


def _namespaces(line: IncompleteCommandLine) -> Found:
    yield from ((each.namespace, "") for each in line.client.rollouts(state=_PRESENT))


rollouts = _offered(_rollouts)
clusters = _offered(_clusters)
rollouts_or_clusters = _offered(_rollouts_or_clusters)
causes = _offered(_causes)
next_actions = _offered(_next_actions)
namespaces = _offered(_namespaces)
