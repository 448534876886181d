"""`ibgu run`, `controller`, `api`, `migrate`. What they need is imported when they start."""

from functools import partial
from typing import Annotated

import typer

from ibgu.cli.serve.loading import load

API, CONTROLLER = "ibgu.api.app", "ibgu.controller.service"

Migrate = Annotated[
    bool, typer.Option("--migrate", help="Run pending migrations of the database first.")
]


def run(migrate: Migrate = False) -> None:
    """Run controller and REST API in one process."""
    load(API, CONTROLLER)
    from ibgu.cli.serve import assemble, checks, process

    raise typer.Exit(
        process.run(checks.settings_of_controller, partial(assemble.run, migrate=migrate))
    )


def controller(migrate: Migrate = False) -> None:
    """Run the controller alone, with health and metrics."""
    load(CONTROLLER)
    from ibgu.cli.serve import assemble, checks, process

    read = partial(checks.settings_of_controller, alone=True)
    raise typer.Exit(process.run(read, partial(assemble.run_controller, migrate=migrate)))


def api(migrate: Migrate = False) -> None:
    """Run the REST API alone; it can be scaled out."""
    load(API)
    from ibgu.cli.serve import assemble, checks, process

    raise typer.Exit(
        process.run(checks.settings_of_api, partial(assemble.run_api, migrate=migrate))
    )


def migrate() -> None:
    """Bring the database to this version's schema."""
    from ibgu.cli.serve import assemble, checks, process

    raise typer.Exit(process.run(checks.settings_of_journal, assemble.run_migrate))
