"""Database URLs as people write them."""

import pytest
from sqlalchemy import text

from ibgu.db import BadUrl, dsn, engine


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
@pytest.mark.parametrize(
    "rest", ["u:p%40ss@db:5432/ibgu?sslmode=require", "postgres@/postgres?host=/var/run/x"]
)
def test_every_form_of_scheme(scheme: str, rest: str) -> None:
    assert dsn(f"{scheme}://{rest}") == f"postgresql://{rest}"


@pytest.mark.parametrize("url", ["", "db:5432/ibgu", "mysql://u:secret@db/ibgu"])
def test_what_is_no_postgres_url(url: str) -> None:
    with pytest.raises(BadUrl, match="postgresql://") as caught:
        dsn(url)
    assert "secret" not in str(caught.value)


async def test_a_real_connection(database_url: str) -> None:
    db = engine(database_url)
    async with db.connect() as connection:
        assert (await connection.execute(text("SHOW application_name"))).scalar() == "ibgu"
    await db.dispose()
    assert "@" not in str(db.url)
