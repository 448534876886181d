"""Reports errors of the hub, to which the user's kubeconfig leads, in one line."""

from ibgu.hub.errors import HubError


def hub_words(error: HubError) -> str:
    if error.unauthorized:
        return (
            "the hub does not accept the token of your kubeconfig: it is wrong, expired or "
            "revoked; log in to the hub again (oc login)"
        )
    return error.message
