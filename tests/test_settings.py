"""Settings: what nearly is one was meant to be one."""

import pytest

from ibgu.settings import Settings, SettingsError, mistyped, read_settings, variable


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("IBGU_HUB_RAET", "IBGU_HUB_RATE"),
        ("IBGU_HUBRATE", "IBGU_HUB_RATE"),
        ("IBGU_LEASE_SECOND", "IBGU_LEASE_SECONDS"),
        ("IBGU_START_PER_MINUTE", "IBGU_STARTS_PER_MINUTE"),
    ],
)
def test_a_misspelt_setting_names_the_one_that_was_meant(
    name: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError, match=rf"^{name}: unknown setting; did you mean {meant}\? "):
        read_settings()


@pytest.mark.parametrize("field", Settings.model_fields)
def test_no_setting_is_taken_for_another(field: str) -> None:
    assert mistyped([variable(field)]) == ""


@pytest.mark.parametrize(
    "name",
    [
        "IBGU_SERVER",
        "IBGU_TOKEN",
        "IBGU_CA_FILE",
        "IBGU_SERVICE_HOST",
        "IBGU_SERVICE_PORT",
        "IBGU_SERVICE_PORT_HTTPS",
        "IBGU_PORT",
        "IBGU_PORT_8080_TCP",
        "IBGU_PORT_8080_TCP_ADDR",
        "IBGU_API_SERVICE_HOST",
        "IBGU_METRICS_SERVICE_PORT",
        "HUB_RAET",
    ],
)
def test_variables_of_others_are_not_reported_as_mistyped(name: str) -> None:
    """Kubernetes tells each pod of the Services beside it in such variables."""
    assert mistyped([name]) == ""


def test_an_address_of_a_proxy_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IBGU_PROXY_ADDRESSES", "10.128.0.0/14, router")
    with pytest.raises(SettingsError, match=r"^IBGU_PROXY_ADDRESSES: .*'router'"):
        read_settings()
