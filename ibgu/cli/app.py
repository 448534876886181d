"""The commands. Each imports what it needs when it is called, so that `--help` is quick."""

import typer

from ibgu.cli.audit.certify import certify
from ibgu.cli.audit.replay import replay
from ibgu.cli.doctor.command import doctor
from ibgu.cli.play.demo import demo
from ibgu.cli.play.simulate import simulate
from ibgu.cli.read.explain import explain
from ibgu.cli.read.get import get
from ibgu.cli.read.shadow import shadow_report
from ibgu.cli.read.status import status
from ibgu.cli.read.tree import tree
from ibgu.cli.serve import commands as serve

app = typer.Typer(
    name="ibgu",
    help="Image-based upgrades of OpenShift fleets, from one hub.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode=None,
)

app.command()(get)
app.command()(status)
app.command()(tree)
app.command()(explain)
app.command()(certify)
app.command()(doctor)
app.command()(replay)
app.command()(shadow_report)
app.command()(serve.run)
app.command()(serve.controller)
app.command()(serve.api)
app.command()(serve.migrate)
app.command()(simulate)
app.command()(demo)


def main() -> None:
    app()
