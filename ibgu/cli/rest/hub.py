"""Errors of the hub, which the kubeconfig of who types the command leads to, in one line."""

from ibgu.hub.errors import HubError


def hub_words(error: HubError) -> str:
    if error.unauthorized:
        return (
            "the hub does not accept the token of your kubeconfig: it is wrong, expired or "
            "revoked; log in to the hub again (oc login)"
        )
    return error.message
