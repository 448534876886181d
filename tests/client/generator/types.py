"""Python's types for the document's schemas, by the names that the client gives them."""

from collections.abc import Iterable

from tests.client.generator.document import Operation, Schema, operations, referred, without_null

_SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
_NEUTRAL = {"str": '""', "int": "0", "float": "0.0", "bool": "False"}
_EVENT = "EventBody"
"""The schema of a stream's messages: the document only says that they are text."""


class Types:
    """Types knows the schemas that the client sends or gets.

    A class is named by its schema: `RolloutBody` is a `RolloutResponse`, and `SkipBody`, which is
    sent, a `SkipRequest`.
    """

    def __init__(self, document: Schema) -> None:
        self._schemas: dict[str, Schema] = document["components"]["schemas"]
        found = list(operations(document))
        self._sent = dict.fromkeys(self._below(each.body for each in found if each.body))
        answers = [self.item(each)[0] for each in found]
        answers += [each.answer for each in found if each.answer and each.beside_items]
        self.structs = [*self._sent, *self._below(answers)]

    def item(self, operation: Operation) -> tuple[Schema, bool]:
        """Returns the schema of what the operation answers, and whether in pages of it."""
        answer = operation.answer
        if answer is None:
            return {"$ref": f"/{_EVENT}"}, False
        properties = self.schema(answer).get("properties", {})
        if "nextCursor" in properties:
            return properties["items"]["items"], True
        return answer, False

    def schema(self, schema: Schema) -> Schema:
        """Returns what the schema refers to."""
        name = referred(schema)
        return self._schemas[name] if name else schema

    def is_sent(self, name: str) -> bool:
        return name in self._sent

    def class_name(self, name: str) -> str:
        return name.removesuffix("Body") + ("Request" if self.is_sent(name) else "Response")

    def annotation(self, schema: Schema) -> str:
        present, nullable = without_null(schema)
        return self._present(present) + (" | None" if nullable else "")

    def default(self, schema: Schema) -> str:
        """Returns the document's default, or a value that says nothing, in Python; empty if there
        is neither."""
        given = schema.get("default")
        return repr(given) if isinstance(given, bool | int | str) else self._neutral(schema)

    def _neutral(self, schema: Schema) -> str:
        present, nullable = without_null(schema)
        if nullable:
            return "None"
        kind = self._present(present)
        if kind.startswith("tuple"):
            return "()"
        return "field(default_factory=dict)" if kind.startswith("dict") else _NEUTRAL.get(kind, "")

    def _present(self, schema: Schema) -> str:
        name, schema = referred(schema), self.schema(schema)
        if "properties" in schema:
            return self.class_name(name)
        if schema.get("format") == "date-time":
            return "datetime"
        match schema.get("type"):
            case "array":
                return f"tuple[{self.annotation(schema['items'])}, ...]"
            case "object":
                values = schema.get("additionalProperties", True)
                return f"dict[str, {self.annotation({} if values is True else values)}]"
            case None:
                return "Any"
            case word:
                return _SIMPLE[word]

    def _below(self, roots: Iterable[Schema]) -> list[str]:
        """Returns the names of objects, each after those that it consists of."""
        found: dict[str, None] = {}
        for root in roots:
            self._collect(without_null(root)[0], found)
        return list(found)

    def _collect(self, schema: Schema, found: dict[str, None]) -> None:
        name, inner = referred(schema), self.schema(without_null(schema)[0])
        for each in inner.get("properties", {}).values():
            self._collect(without_null(each)[0], found)
        for key in ("items", "additionalProperties"):
            if isinstance(inner.get(key), dict):
                self._collect(inner[key], found)
        if name and "properties" in inner:
            found.setdefault(name)
