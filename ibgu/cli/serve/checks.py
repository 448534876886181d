"""Checks the settings that a process can't do without, before it touches anything."""

from ibgu.controller.notify import receivers_of
from ibgu.db import InvalidDatabaseUrl, dsn
from ibgu.hub.election.times import LeaseTimes
from ibgu.settings import Settings, SettingsError, in_cluster, read_settings


def settings_of_journal() -> Settings:
    """Returns the settings. This and the following functions raise SettingsError that names the
    variable."""
    settings = read_settings()
    _check_database(settings)
    return settings


def settings_of_hub() -> Settings:
    settings = read_settings()
    _check_hub(settings)
    return settings


def settings_of_api() -> Settings:
    settings = settings_of_journal()
    _check_hub(settings)
    return settings


def settings_of_controller(*, alone: bool = False) -> Settings:
    """Returns the settings of the controller; `alone`: the REST API is another process."""
    settings = settings_of_api()
    _check_lease(settings)
    receivers_of(settings)
    return settings.model_copy(update={"component": "controller"}) if alone else settings


def _check_hub(settings: Settings) -> None:
    """Checks that the hub is configured; ~/.kube/config is not enough for what acts on a whole
    fleet."""
    if not settings.kubeconfig and not in_cluster():
        raise SettingsError("KUBECONFIG: not set. It must name the kubeconfig of the hub.")


def _check_database(settings: Settings) -> None:
    description = Settings.model_fields["database_url"].description
    if not settings.database_url:
        raise SettingsError(f"DATABASE_URL: not set. {description}")
    try:
        dsn(settings.database_url)
    except InvalidDatabaseUrl as error:
        raise SettingsError(f"DATABASE_URL: {error}") from error


def _check_lease(settings: Settings) -> None:
    try:
        LeaseTimes(
            settings.lease_seconds, settings.lease_renew_seconds, settings.lease_retry_seconds
        )
    except ValueError as error:
        raise SettingsError(
            f"IBGU_LEASE_SECONDS, IBGU_LEASE_RENEW_SECONDS, IBGU_LEASE_RETRY_SECONDS: {error}"
        ) from error
