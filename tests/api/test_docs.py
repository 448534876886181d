"""The API serves what the documents say: docs/rest.md and OpenAPI's examples."""

import re
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from ibgu.api.bodies import Body
from ibgu.api.context import Context
from ibgu.api.problems import MEDIA_TYPE

DOC = Path(__file__).parents[2] / "docs" / "rest.md"

ASKS_NOTHING = {"GET /api/v1/whoami", "GET /api/v1/leadership"}
"""No right is needed, no input taken."""


def sections() -> dict[str, str]:
    """Route -> what is said about it."""
    _, *found = re.split(r"^### `((?:GET|POST) [^`]+)`$", DOC.read_text(), flags=re.MULTILINE)
    return {
        route: text.partition("\n## ")[0]
        for route, text in zip(found[::2], found[1::2], strict=True)
    }


def documented_query(text: str) -> set[str]:
    rows = re.findall(r"^\| (`[^|]+`) \|", text, flags=re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def served(app: FastAPI) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
    }


def test_every_route_is_documented_and_every_documented_one_served(app: FastAPI) -> None:
    assert set(served(app)) == set(sections())


def test_every_query_parameter_is_documented_and_no_other(app: FastAPI) -> None:
    told = sections()
    for route, operation in served(app).items():
        taken = {
            parameter["name"]
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query"
        }
        assert documented_query(told[route]) == taken, route


def test_every_field_is_named(app: FastAPI) -> None:
    text = DOC.read_text()
    schemas = app.openapi()["components"]["schemas"]
    bodies = (
        "RolloutBody",
        "StepBody",
        "MemberBody",
        "EventBody",
        "FailureGroupBody",
        "ReasonBody",
    )
    for body in bodies:
        for field in schemas[body]["properties"]:
            assert re.search(rf"[`\"]{field}[`\"]", text), f"{body}.{field}"


def test_every_route_documents_its_problems(app: FastAPI) -> None:
    for route, operation in served(app).items():
        if "/api/v1" not in route:
            continue
        assert operation["security"] == [{"hubToken": []}]
        refused = {
            status: answer
            for status, answer in operation["responses"].items()
            if status.startswith(("4", "5"))
        }
        asked = set() if route in ASKS_NOTHING else {"403", "422"}
        assert {"401", "503"} | asked <= set(refused)
        for answer in refused.values():
            assert MEDIA_TYPE in answer["content"]


def test_the_document_is_whole(app: FastAPI) -> None:
    document = app.openapi()
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for reference in re.findall(r"#/components/schemas/(\w+)", str(document)):
        assert reference in document["components"]["schemas"]


def bodies(kind: type[BaseModel]) -> list[type[BaseModel]]:
    return [kind, *(each for sub in kind.__subclasses__() for each in bodies(sub))]


def test_examples_are_valid(context: Context) -> None:
    seen = 0
    for body in bodies(Body):
        for example in body.model_json_schema().get("examples", ()):
            body.model_validate(example)
            seen += 1
    assert seen >= 6
