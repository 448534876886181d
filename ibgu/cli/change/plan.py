"""`ibgu add-step`."""

from typing import Annotated

import typer

from ibgu.cli import complete
from ibgu.cli.change.options import ChangeOptions, Minutes, Slots, Yes
from ibgu.cli.read.choices import chosen, every_action
from ibgu.cli.read.options import Rollout


def add_step(
    name: Rollout,
    actions: Annotated[
        list[str],
        typer.Argument(
            metavar="ACTION",
            help="Actions of the step, in order.",
            autocompletion=complete.next_actions,
        ),
    ],
    max_concurrency: Slots = None,
    timeout: Minutes = None,
    yes: Yes = False,
    *,
    options: ChangeOptions,
) -> None:
    """Append a step to a rollout's plan."""
    from ibgu.cli.change.context import ChangeContext, make, simply
    from ibgu.client.responses import NewStepRequest
    from ibgu.core.views import change

    typed = tuple(chosen("ACTION", each, every_action()) for each in actions)
    step = NewStepRequest(actions=typed, max_concurrency=max_concurrency, timeout=timeout)
    how = ChangeContext(name, options, yes, step=step)
    new = change.NewStep(typed, max_concurrency, timeout)
    make(
        how,
        lambda client, where, query: client.append_step(where, name, step, **query),
        simply(lambda target: change.append(target, new)),
    )
