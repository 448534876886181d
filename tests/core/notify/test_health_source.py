"""The sources' file: what it may contain, and which field is wrong."""

from typing import Any

import pytest

from ibgu.core.notify import HealthSource, InvalidSourceFile, parse_sources

GOOD = {"name": "thanos", "url": "https://thanos.example"}
OTHER = {"name": "other", "urlFile": "/url", "timeoutSeconds": 5}


def test_sources_are_read_with_their_defaults() -> None:
    thanos, other = parse_sources({"sources": [GOOD, OTHER]})
    assert thanos == HealthSource(name="thanos", url="https://thanos.example", timeout_seconds=10)
    assert (other.url_file, other.timeout_seconds) == ("/url", 5)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (GOOD | {"timeoutSeconds": 31}, "sources[0].timeoutSeconds: Expected `float` <= 30"),
        (GOOD | {"name": "Thanos"}, "sources[0].name: Expected `str` matching regex"),
        (GOOD | {"token": "x"}, "sources[0]: Object contains unknown field `token`"),
        (GOOD | {"url": ""}, "sources[0].url: either url or urlFile is needed"),
        (GOOD | {"urlFile": "/x"}, "sources[0].url: either url or urlFile is needed"),
        (GOOD | {"url": "file:///etc"}, "sources[0].url: is no address that begins with https://"),
        (
            GOOD | {"url": "http://thanos.example", "tokenFile": "/x"},
            "sources[0].url: begins with http://: a token is sent over https:// only",
        ),
    ],
)
def test_a_mistake_is_named_with_its_field(source: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidSourceFile) as error:
        parse_sources({"sources": [source]})
    assert str(error.value).startswith(said)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (None, "the file: Expected `object`, got `null`"),
        ({"sources": [GOOD, GOOD]}, "sources[1].name: 'thanos' is there twice"),
        ({"sources": [GOOD] * 21}, "sources: Expected `array` of length <= 20"),
    ],
)
def test_a_mistake_of_the_whole_file(document: Any, said: str) -> None:
    with pytest.raises(InvalidSourceFile) as error:
        parse_sources(document)
    assert str(error.value) == said
