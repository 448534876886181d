"""The OpenAPI document of the API, and what the client reads in it."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NamedTuple, cast

from ibgu.api.app import create_app
from ibgu.api.context import Context, Probes
from ibgu.api.probes import PREFIX

Schema = dict[str, Any]

_JSON = "application/json"
_BESIDE_ITEMS = {"needsPerson"}


class Operation(NamedTuple):
    method: str
    path: str
    """Below the prefix, without a slash at either end."""
    spec: Schema

    @property
    def inputs(self) -> list[Schema]:
        found: list[Schema] = self.spec.get("parameters", [])
        return found

    @property
    def beside_items(self) -> set[str]:
        """The inputs that ask for what stands beside the items of a page."""
        return _BESIDE_ITEMS & {each["name"] for each in self.inputs}

    @property
    def body(self) -> Schema | None:
        """The schema of the request's body; None: it has none."""
        request = self.spec.get("requestBody")
        return _schema(request["content"]) if request else None

    @property
    def answer(self) -> Schema | None:
        """The schema of the answer; None: it is a stream of events."""
        answers = self.spec["responses"]
        return _schema(next(answers[code]["content"] for code in answers if code.startswith("2")))


def document() -> Schema:
    journal: Callable[[], Coroutine[Any, Any, str | None]] = _fine
    context = Context("hub", cast(Any, None), cast(Any, None), Probes(journal))
    return create_app(context).openapi()


def operations(found: Schema) -> Iterator[Operation]:
    """Yields the operations below the prefix, in the order of the document."""
    for path, methods in found["paths"].items():
        if path.startswith(PREFIX):
            for method, spec in methods.items():
                yield Operation(method, path.removeprefix(f"{PREFIX}/"), spec)


def referred(schema: Schema) -> str:
    """Returns the name of the schema that is referred to; empty if none is."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def without_null(schema: Schema) -> tuple[Schema, bool]:
    """Returns the schema of a value that is there, and whether null may be instead."""
    choices = schema.get("anyOf")
    if choices is None:
        return schema, False
    present = [each for each in choices if each != {"type": "null"}]
    if len(present) != 1:
        raise ValueError(f"a value of several types: {schema}")
    return present[0], len(present) < len(choices)


def _schema(content: Schema) -> Schema | None:
    return content[_JSON]["schema"] if _JSON in content else None


async def _fine() -> None:
    return None
