"""Reads each attachment once and shows it to those who know its type; archives give further files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from courriel.formats.archive.sniff import sniff
from courriel.model.threat import Finding
from courriel.threats.signals.attachments import archives, office, pdf, smuggling, types
from courriel.threats.signals.attachments.file import DEPTH, FILE_OCTETS, Budget, File
from courriel.threats.view import View

__all__ = ["attached"]

_Inspect = Callable[[File], Iterable[Finding]]

_BY_KIND: Final[Mapping[str, tuple[_Inspect, ...]]] = {
    "zip": (archives.zipped, office.package),
    "gzip": (archives.compressed,),
    "rar": (archives.locked_rar,),
    "7z": (archives.opaque,),
    "ace": (archives.opaque,),
    "cab": (archives.opaque,),
    "arj": (archives.opaque,),
    "lzh": (archives.opaque,),
    "ole": (office.binary,),
    "rtf": (office.rich_text,),
    "pdf": (pdf.actions,),
    "html": (smuggling.page,),
    "svg": (smuggling.drawing,),
    "text": (smuggling.page,),
}


def attached(view: View) -> Iterable[Finding]:
    """All findings about files, each signal once, where it is strongest."""
    strongest: dict[str, Finding] = {}
    for file in _files(view):
        for found in _inspected(file):
            before = strongest.get(found.signal)
            if before is None or before.strength < found.strength:
                strongest[found.signal] = found
    return strongest.values()


def _files(view: View) -> Iterator[File]:
    """The attachments and, behind each, what its archive holds."""
    budget = Budget()
    for part in view.attachments:
        if budget.files <= 0:
            return
        budget.files -= 1
        octets = part.content(min(FILE_OCTETS, max(0, budget.octets)))
        budget.octets -= len(octets)
        name = part.name
        file = File(name, name or part.media_type, sniff(octets), part.octets, octets, view, 0, part.inline, budget)
        yield file
        yield from _within(file)


def _within(file: File) -> Iterator[File]:
    if file.depth >= DEPTH:
        return
    for name, octets, size in archives.members(file):
        if file.budget.files <= 0:
            return
        file.budget.files -= 1
        path = f"{file.path} › {name}"
        inner = File(name, path, sniff(octets), size, octets, file.view, file.depth + 1, False, file.budget)
        yield inner
        yield from _within(inner)


def _inspected(file: File) -> Iterator[Finding]:
    yield from types.named(file)
    for inspect in _BY_KIND.get(file.kind, ()):
        yield from inspect(file)
