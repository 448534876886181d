"""Options that many commands have: a command takes them as one struct, and the command line shows a
field of it as an option each."""

from collections.abc import Callable, Iterator
from functools import wraps
from inspect import Parameter, signature
from typing import Any

from msgspec import Struct
from msgspec.structs import fields


class SharedOptions(Struct, frozen=True):
    """SharedOptions is what a struct of options derives from; a field may be such a struct too."""


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """Returns the command with an option for each field of the structs that it takes."""
    own = signature(command, eval_str=True)
    groups = [each for each in own.parameters.values() if _is_shared(each.annotation)]

    @wraps(command)
    def run(**given: Any) -> None:
        shared = {each.name: _filled(each.annotation, given) for each in groups}
        command(**given, **shared)

    plain = [each for each in own.parameters.values() if each not in groups]
    options = [option for each in groups for option in _fields(each.annotation)]
    run.__dict__["__signature__"] = own.replace(parameters=[*plain, *options])
    return run


def _is_shared(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, SharedOptions)


def _fields(group: type[SharedOptions]) -> Iterator[Parameter]:
    for each in fields(group):
        if _is_shared(each.type):
            yield from _fields(each.type)
        else:
            yield Parameter(
                each.name, Parameter.KEYWORD_ONLY, default=each.default, annotation=each.type
            )


def _filled(group: type[SharedOptions], given: dict[str, Any]) -> SharedOptions:
    """Returns the struct, with its values taken out of `given`."""
    return group(
        **{
            each.name: _filled(each.type, given) if _is_shared(each.type) else given.pop(each.name)
            for each in fields(group)
        }
    )
