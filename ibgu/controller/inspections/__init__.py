"""Inspects clusters for preflight while this controller leads."""

from ibgu.controller.inspections.inspector import Inspector, inspecting

__all__ = ["Inspector", "inspecting"]
