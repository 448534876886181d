"""A file, a secret or an address that can't be used is named, and not quoted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ibgu.controller.notify import SecretUnavailable, receivers_of, sender
from ibgu.controller.notify.secrets import secrets_of
from ibgu.core.notify import Format, Receiver
from ibgu.settings import Settings, SettingsError, read_settings


def told(path: Path) -> str:
    with pytest.raises(SettingsError) as error:
        receivers_of(read_settings(notify_file=str(path)))
    return str(error.value)


def test_nobody_is_notified_by_default() -> None:
    assert receivers_of(read_settings()) == ()


def test_a_file_is_read(configured: Callable[..., Settings]) -> None:
    given = {"name": "noc", "format": "cloudevents", "url": "https://noc.example"}
    (receiver,) = receivers_of(configured(given))
    assert receiver.name == "noc"


def test_file_errors_are_named_without_the_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert told(path) == f"IBGU_NOTIFY_FILE: {path} can't be read: No such file or directory"
    path.write_bytes(b"\xff")
    assert told(path).endswith("can't be read: no text")
    path.write_text("receivers:\n- url: 'hidden\n")
    assert "line 3: found unexpected end of stream" in told(path)
    assert "hidden" not in told(path)
    path.write_text("\x00")
    assert told(path).endswith("is no YAML")
    path.write_text("receivers: 7")
    assert told(path) == "IBGU_NOTIFY_FILE: receivers: Expected `array`, got `int`"


@pytest.mark.parametrize(
    ("content", "field", "said"),
    [
        ("", "url_file", "urlFile: {} is empty"),
        ("ftp://hidden", "url_file", "url: what is there is no address"),
        ("whsec_hidden!", "secret_file", "secret: begins with whsec_"),
        (None, "token_file", "tokenFile: {} can't be read: No such file"),
    ],
)
def test_secret_errors_are_named_without_the_content(
    tmp_path: Path, content: str | None, field: str, said: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_text(content)
    given: dict[str, Any] = {field: str(path)}
    if field != "url_file":
        given["url"] = "https://noc.example"
    receiver = Receiver(name="noc", format=Format.CLOUDEVENTS, **given)
    with pytest.raises(SecretUnavailable) as error:
        secrets_of(receiver)
    assert str(error.value).startswith(said.format(path))
    assert "hidden" not in str(error.value)


async def test_a_ca_file_that_is_missing() -> None:
    receiver = Receiver(
        name="noc", format=Format.CLOUDEVENTS, url="https://noc.example", ca_file="/nowhere"
    )
    with pytest.raises(SecretUnavailable, match="caFile: /nowhere: No such file"):
        async with sender(receiver):
            pass
