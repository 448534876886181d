"""The modules of a process, imported before it freezes what lives as long as itself."""

import gc
from importlib import import_module

_COMMON = ("ibgu.cli.serve.assemble", "kubernetes_asyncio")
"""Elsewhere the second one is imported where it is needed: it takes longest of all."""


def load(*modules: str) -> None:
    """And what every process needs. Imports leave no garbage; to look for it took a fifth of
    their time."""
    gc.disable()
    try:
        for module in (*_COMMON, *modules):
            import_module(module)
    finally:
        gc.enable()
