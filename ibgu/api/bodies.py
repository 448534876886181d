"""Declares what all bodies have in common: camelCase on the wire, and no undocumented field."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

T = TypeVar("T")


class Body(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True
    )


class PageBody(Body, Generic[T]):
    items: list[T]
    next_cursor: str | None = Field(
        None, description="Give it as `cursor` to get what follows; null: this is the end."
    )
