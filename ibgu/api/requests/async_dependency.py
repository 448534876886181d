"""Makes objects that a request depends on in the event loop: FastAPI would call a class in a
thread."""

import inspect
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def async_dependency(kind: type[T]) -> Callable[..., Coroutine[Any, Any, T]]:
    """Returns a dependency that makes an object of the class, with the same parameters."""

    async def make(**given: Any) -> T:
        return kind(**given)

    make.__signature__ = inspect.signature(kind)  # type: ignore[attr-defined]
    return make
