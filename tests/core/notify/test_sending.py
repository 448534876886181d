"""Signatures, pauses, and secrets that must not be repeated."""

from datetime import UTC, datetime, timedelta

import pytest

from ibgu.core.notify import (
    DeliveryResponse,
    InvalidSecret,
    headers,
    keys,
    pause,
    redacted,
    retry_after,
)

WHEN = datetime(2021, 2, 25, 15, 2, 10, tzinfo=UTC)


def test_the_signature_is_that_of_the_specification() -> None:
    """The example that the libraries of Standard Webhooks are tested with."""
    signing = keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = WHEN + (datetime.fromtimestamp(1614265330, UTC) - WHEN)
    assert headers(signing, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}') == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_a_secret_is_changed_both_sign() -> None:
    signing = keys("new one\n\nold one\n")
    both = headers(signing, "1", WHEN, b"{}")["webhook-signature"].split(" ")
    old = headers(keys("old one"), "1", WHEN, b"{}")["webhook-signature"]
    assert len(both) == 2
    assert both[1] == old


def test_time_id_and_body_are_signed() -> None:
    signing = keys("s")
    signed = {
        headers(signing, id_, at, body)["webhook-signature"]
        for id_ in ("1", "2")
        for at in (WHEN, WHEN + timedelta(seconds=1))
        for body in (b"a", b"b")
    }
    assert len(signed) == 8


@pytest.mark.parametrize("secret", ["", " \n", "whsec_!hidden!"])
def test_a_bad_secret_is_not_repeated(secret: str) -> None:
    with pytest.raises(InvalidSecret) as error:
        keys(secret)
    assert "hidden" not in str(error.value)


@pytest.mark.parametrize("status", [0, 200, 302, 401, 404, 408, 429, 500, 503])
def test_most_answers_are_not_about_what_a_message_says(status: int) -> None:
    assert not DeliveryResponse(status, "").may_refuse_content
    assert DeliveryResponse(413, "").may_refuse_content


def test_pauses_grow_to_a_limit_and_differ() -> None:
    refused = DeliveryResponse(500, "")
    assert [pause(n, refused, 0.0) for n in (1, 2, 3, 99)] == [0.5, 1.0, 2.0, 150.0]
    assert pause(99, refused, 0.999) < 300.0 < pause(99, refused, 0.999) + 1


def test_retry_after_is_honored_within_bounds() -> None:
    assert pause(1, DeliveryResponse(429, "", 30.0), 0.0) == 30.0
    assert pause(1, DeliveryResponse(429, "", 1e9), 0.0) == 3600.0
    assert pause(99, DeliveryResponse(429, "", 1.0), 0.0) == 150.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), (" 7 ", 7.0), ("", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0), ("-1", 0.0)],
)
def test_retry_after_is_read_in_seconds(header: str, seconds: float) -> None:
    assert retry_after(header) == seconds


@pytest.mark.parametrize(
    ("status", "delivered"), [(200, True), (204, True), (302, False), (404, False), (0, False)]
)
def test_only_a_yes_is_a_yes(status: int, delivered: bool) -> None:
    assert DeliveryResponse(status, "").delivered is delivered


def test_secrets_are_taken_out_longest_first() -> None:
    assert redacted("no abc, no abcdef", ("abc", "abcdef")) == "no ***, no ***"
