"""Reads from the hub what no watch shows: lists, payloads, bindings, rights, a live TALM."""
