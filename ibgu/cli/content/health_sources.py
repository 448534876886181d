"""Reads the file of the sources of canaries' health, for the policies that name them."""

from pathlib import Path

from ibgu.cli.content.files import text_of
from ibgu.cli.errors import MISUSED, fail
from ibgu.core.engine.gates.policies import Sources
from ibgu.core.notify import InvalidSourceFile, parse_sources
from ibgu.documents import read


def sources_in(path: Path) -> Sources:
    """Returns the names of the sources. A file that can't be used ends the command."""
    documents = read(text_of(path), str(path))
    if len(documents) != 1:
        fail(f"{path}: has {len(documents)} documents, and sources are in one", MISUSED)
    [document] = documents
    if document.problem:
        fail(f"{path}:{document.line}: {document.problem}", MISUSED)
    try:
        return {each.name for each in parse_sources(document.body)}
    except InvalidSourceFile as error:
        fail(f"{path}: {error}", MISUSED)
