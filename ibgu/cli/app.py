"""Assembles the commands. Each imports what it needs when it is called, so that `--help` is
quick."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from typer._completion_classes import completion_init

from ibgu.cli.change.controls import adopt, pause, resume, skip
from ibgu.cli.change.follow_ups import cancel, confirm_cleanup, finalize, retry, rollback
from ibgu.cli.change.grants import approve, break_glass
from ibgu.cli.change.plan import add_step
from ibgu.cli.change.preflight import preflight
from ibgu.cli.change.preview import preview
from ibgu.cli.collect import collect
from ibgu.cli.complete import complete_for_kubectl, completion
from ibgu.cli.content.convert import convert
from ibgu.cli.content.manifests import manifests
from ibgu.cli.content.oadp import oadp
from ibgu.cli.content.policies import policy
from ibgu.cli.doctor.command import doctor
from ibgu.cli.errors import FAILED
from ibgu.cli.examples import epilog
from ibgu.cli.gather import gather
from ibgu.cli.groups import Panel, PlainCommand, PlainGroup
from ibgu.cli.login.command import login, logout
from ibgu.cli.notify.command import notify
from ibgu.cli.play.demo import demo
from ibgu.cli.play.simulate import simulate
from ibgu.cli.prepare import prepare
from ibgu.cli.read.clusters import clusters
from ibgu.cli.read.events import events
from ibgu.cli.read.explain import explain
from ibgu.cli.read.get import get
from ibgu.cli.read.history import history
from ibgu.cli.read.members import members
from ibgu.cli.read.recover import recover
from ibgu.cli.read.status import status
from ibgu.cli.read.tree import tree
from ibgu.cli.read.works import works
from ibgu.cli.report import report
from ibgu.cli.seeds import seed
from ibgu.cli.serve import commands as serve
from ibgu.cli.shared import expanded
from ibgu.cli.stragglers import stragglers
from ibgu.cli.version import show_version

app = typer.Typer(
    name="ibgu",
    cls=PlainGroup,
    epilog=epilog(""),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 120, "help_option_names": ["--help", "-h"]},
)
# typer does so only with options of its own; ibgu has the command `completion`, as kubectl.
completion_init()


@app.callback()
def ibgu(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=show_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Image-based upgrades of OpenShift fleets, from one hub."""


_COMMANDS: dict[Panel, tuple[Callable[..., None], ...]] = {
    Panel.LOOK: (
        get,
        status,
        tree,
        stragglers,
        members,
        clusters,
        explain,
        recover,
        history,
        works,
        events,
        collect,
        gather,
        report,
    ),
    Panel.CHANGE: (
        preflight,
        preview,
        add_step,
        pause,
        resume,
        skip,
        approve,
        break_glass,
        retry,
        finalize,
        cancel,
        rollback,
        confirm_cleanup,
        adopt,
    ),
    Panel.PREPARE: (convert,),
    Panel.CHECK: (doctor,),
    Panel.RUN: (serve.run, serve.controller, serve.api, serve.migrate, simulate, demo),
    Panel.SET_UP: (login, logout, completion),
}

for _panel, _commands in _COMMANDS.items():
    for _command in _commands:
        _name = _command.__name__.replace("_", "-")
        _add = app.command(_name, cls=PlainCommand, rich_help_panel=_panel, epilog=epilog(_name))
        _add(expanded(_command))
app.add_typer(notify, name="notify", rich_help_panel=Panel.CHECK)
app.add_typer(oadp, name="oadp", rich_help_panel=Panel.PREPARE)
app.add_typer(manifests, name="manifests", rich_help_panel=Panel.PREPARE)
app.add_typer(policy, name="policy", rich_help_panel=Panel.PREPARE)
app.add_typer(seed, name="seed", rich_help_panel=Panel.PREPARE)
app.add_typer(prepare, name="prepare", rich_help_panel=Panel.PREPARE)


_PLUGIN = "kubectl-ibgu"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The errors of a disk, quota or file that is full."""


def main() -> None:
    """Runs the command; as a plugin, its name is `kubectl ibgu`."""
    try:
        app(prog_name="kubectl ibgu" if Path(sys.argv[0]).name == _PLUGIN else None)
    except OSError as error:
        if error.errno not in _FULL or error.filename is not None:
            raise
        _drop_output()
        typer.echo(f"ibgu: can't write the output: {error.strerror}", err=True)
        sys.exit(FAILED)


def _drop_output() -> None:
    """Drops what is still buffered: the interpreter would write it once more as it ends."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def kubectl_complete() -> None:
    """Completes `kubectl ibgu WORDS` for kubectl."""
    complete_for_kubectl(app)
