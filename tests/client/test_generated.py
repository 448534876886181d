"""The client is what its generator makes of the OpenAPI document, and leaves no route out."""

import inspect

import msgspec
import pytest

from ibgu.client import responses
from ibgu.client.base import Response
from ibgu.client.routes import Routes
from tests.client.generator.document import document, operations
from tests.client.generator.files import ROOT, contents
from tests.client.generator.types import Types


def test_the_modules_are_as_generated_from_the_document() -> None:
    for path, text in contents().items():
        assert path.read_text() == text, f"remake {path.relative_to(ROOT)} with `make client`"


def test_every_route_has_a_method() -> None:
    methods = {name for name, _ in inspect.getmembers(Routes, inspect.isfunction)}
    found = list(operations(document()))
    pages = {f"{each.spec['operationId']}_page" for each in found if each.beside_items}
    assert methods == {each.spec["operationId"] for each in found} | pages


def test_names_on_the_wire_are_those_of_the_document() -> None:
    found = document()
    types = Types(found)
    for name in types.structs:
        struct = getattr(responses, types.class_name(name))
        wire = {field.encode_name for field in msgspec.structs.fields(struct)}
        assert wire == set(types.schema({"$ref": f"/{name}"})["properties"]), name


def test_an_answer_without_its_first_field_is_refused() -> None:
    """Without one, another program's JSON would pass for an empty answer of ibgu's."""
    found = [each for name, each in vars(responses).items() if name.endswith("Response")]
    for struct in found:
        if struct is not Response:
            with pytest.raises(msgspec.ValidationError, match="missing required field"):
                msgspec.json.decode(b"{}", type=struct)
