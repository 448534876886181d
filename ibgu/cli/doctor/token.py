"""Checks the bearer token that the asking commands send, and not every kubeconfig has."""

import os

from ibgu.cli.doctor.findings import Finding, error, ok, warning
from ibgu.cli.rest.kubeconfig import current, token_of
from ibgu.client import RestError


def judge_token() -> Finding:
    """Judges the token; not to be called inside an event loop: a plugin may have to be asked."""
    if os.environ.get("IBGU_TOKEN"):
        words = (
            "IBGU_TOKEN is set, and every command sends it; what follows is of the user of your "
            "kubeconfig, who may be another one"
        )
        return warning("token", words, "unset IBGU_TOKEN to ask as the user of your kubeconfig")
    try:
        token_of(current())
    except RestError as failed:
        words, _, do = str(failed).partition("; ")
        return error("token", words, do or "log in again, or give --token or IBGU_TOKEN")
    return ok("token", "your kubeconfig has one for ibgu's REST API")
