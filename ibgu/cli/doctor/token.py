"""Checks the bearer token that the asking commands send, and not every kubeconfig has."""

from ibgu.cli.doctor.findings import Finding, error, ok
from ibgu.cli.rest.kubeconfig import current, token_of
from ibgu.client import RestError


def judge_token() -> Finding:
    """Judges the token; not to be called inside an event loop: a plugin may have to be asked."""
    try:
        token_of(current())
    except RestError as failed:
        words, _, do = str(failed).partition("; ")
        return error("token", words, do or "log in again, or give --token or IBGU_TOKEN")
    return ok("token", "your kubeconfig has one for ibgu's REST API")
