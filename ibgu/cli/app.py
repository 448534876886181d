"""The commands. Each imports what it needs when it is called, so that `--help` is quick."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ibgu.cli.audit.certify import certify
from ibgu.cli.audit.replay import replay
from ibgu.cli.change.controls import adopt, pause, resume, skip
from ibgu.cli.change.plan import abort, add_step, retry
from ibgu.cli.change.preview import preview
from ibgu.cli.collect import collect
from ibgu.cli.complete import complete, completion
from ibgu.cli.doctor.command import doctor
from ibgu.cli.notify.command import notify
from ibgu.cli.play.demo import demo
from ibgu.cli.play.simulate import simulate
from ibgu.cli.read.clusters import clusters
from ibgu.cli.read.events import events
from ibgu.cli.read.explain import explain
from ibgu.cli.read.get import get
from ibgu.cli.read.history import history
from ibgu.cli.read.members import members
from ibgu.cli.read.shadow import shadow_report
from ibgu.cli.read.status import status
from ibgu.cli.read.tree import tree
from ibgu.cli.read.works import works
from ibgu.cli.serve import commands as serve
from ibgu.cli.stragglers import stragglers
from ibgu.cli.version import show_version

app = typer.Typer(
    name="ibgu",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 120, "help_option_names": ["--help", "-h"]},
)


@app.callback()
def ibgu(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=show_version, is_eager=True, help="What this is, and end."
        ),
    ] = False,
) -> None:
    """Image-based upgrades of OpenShift fleets, from one hub."""


app.command()(get)
app.command()(status)
app.command()(tree)
app.command()(stragglers)
app.command()(members)
app.command()(clusters)
app.command()(explain)
app.command()(history)
app.command()(works)
app.command()(events)
app.command()(preview)
app.command()(add_step)
app.command()(pause)
app.command()(resume)
app.command()(skip)
app.command()(retry)
app.command()(abort)
app.command()(adopt)
app.command()(certify)
app.command()(doctor)
app.command()(replay)
app.command()(collect)
app.command()(shadow_report)
app.command()(serve.run)
app.command()(serve.controller)
app.command()(serve.api)
app.command()(serve.migrate)
app.command()(simulate)
app.command()(demo)
app.command()(completion)
app.add_typer(notify, name="notify")


_PLUGIN = "kubectl-ibgu"
_COMPLETE = ["__complete", "--"]


def main() -> None:
    """As a plugin, `kubectl ibgu` is what was typed."""
    if sys.argv[1:3] == _COMPLETE:
        complete(sys.argv[3:])
    else:
        app(prog_name="kubectl ibgu" if Path(sys.argv[0]).name == _PLUGIN else None)
