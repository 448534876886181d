"""Errors of manifests in plain words."""

import pytest

from ibgu.core.text.broken_manifest import broken_manifest


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            "Expected `object | null`, got `array` - at `$.spec`",
            "spec must be an object or nothing, not a list",
        ),
        ("Object missing required field `name` - at `$.metadata`", "metadata lacks name"),
        ("Invalid enum value 'x' - at `$.spec.plan[0]`", "spec.plan[0] Invalid enum value 'x'"),
        ("Object contains unknown field `moon` - at `$.spec`", "spec has no field moon"),
        ("maximum recursion depth exceeded", "maximum recursion depth exceeded"),
    ],
)
def test_manifest_errors_are_described_in_plain_words(error: str, said: str) -> None:
    assert broken_manifest(error) == said


@pytest.mark.parametrize("what", ["Expected `str`, got `array`", "Invalid enum value 'x'"])
def test_few_values_that_a_field_may_have_are_listed(what: str) -> None:
    said = broken_manifest(f"{what} - at `$.spec.before`", ("Step", "Rest"))
    assert said.startswith("spec.before must be one of Step, Rest, not ")
