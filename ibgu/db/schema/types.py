"""Declares column types, and the checks that restrict text columns to their enumeration."""

from enum import StrEnum

from sqlalchemy import TIMESTAMP, CheckConstraint, MetaData, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)

Name = Text(collation="C")
"""Names and uids: compared byte by byte, whatever the database's locale."""
Names = ARRAY(Name)
Words = Text()
"""Messages of people and clusters, and values of enumerations."""
Json = JSONB(none_as_null=True)
Moment = TIMESTAMP(timezone=True)


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)
