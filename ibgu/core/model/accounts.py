"""The holders of accounts: a user, or for service accounts anyone who may edit their namespace."""

_SERVICE_ACCOUNT = "system:serviceaccount:"
_SERVICE_ACCOUNTS = "system:serviceaccounts:"


def is_service_account(username: str) -> bool:
    return username.startswith(_SERVICE_ACCOUNT)


def holder_of(username: str) -> str:
    """Returns who has the account. The service accounts of a namespace have one holder, named as
    their group: who may edit the namespace makes as many of them as they like, and is each."""
    if not is_service_account(username):
        return username
    namespace = username.removeprefix(_SERVICE_ACCOUNT).partition(":")[0]
    return f"{_SERVICE_ACCOUNTS}{namespace}"
