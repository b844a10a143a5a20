"""Pages and drawings as attachments: opened from the disk they run their scripts, and no filter saw where they lead.

A login page that is attached asks for the password without any link in the message; a page that builds a file out of
letters ("HTML smuggling") brings in what the server would have refused. How it is evaded: a bare redirect, encoded; it
is still a page with a script.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import Finding, Group, Kind
from courriel.threats.signal import Signal
from courriel.threats.signals import advice
from courriel.threats.signals.attachments.file import File, extension, finding
from courriel.threats.signals.html import SMUGGLES

_LOOKED_AT: Final = 1 << 20
"""Octets of a page that are looked at."""
_PAGES: Final = frozenset(["html", "htm", "shtml", "xhtml", "xht", "mht", "mhtml", "svg"])
_PASSWORD: Final = re.compile(r"""type\s*=\s*["']?password""", re.IGNORECASE)
_FORM: Final = re.compile(r"""<form\b[^<>]{0,500}action\s*=\s*["']?https?://([^\s"'/<>]+)""", re.IGNORECASE)
_SCRIPT: Final = re.compile(r"<script\b|\bon(?:load|error|click|begin)\s*=|javascript:", re.IGNORECASE)
_REFRESH: Final = re.compile(
    r"""http-equiv\s*=\s*["']?refresh["']?[^<>]{0,200}url\s*=|\blocation(?:\.href|\.replace|\.assign)?\s*[=(]\s*\(?["'`]?h?"""
    r"""|<iframe\b[^<>]{0,300}src\s*=\s*["']?https?:|<foreignobject\b""",
    re.IGNORECASE,
)
_LETTERS: Final = re.compile(
    r"[A-Za-z0-9+/=]{2000}|(?:%[0-9a-fA-F]{2}){300}|(?:\\x[0-9a-fA-F]{2}){300}|(?:\d{1,3},\s?){300}"
)

PAGE: Final = Signal(
    name="attachments.page",
    group=Group.ATTACHMENTS,
    seen=N_("The file {file} is a web page."),
    why=N_("An attached page is not on any site: the address bar shows nothing you could check."),
    then=advice.NO_OPEN,
    weights={Kind.PHISHING: 1.0, Kind.MALWARE: 0.4},
)
LOGIN: Final = Signal(
    name="attachments.page-login",
    group=Group.ATTACHMENTS,
    seen=N_("The attached page {file} asks for a password."),
    why=N_("Login pages live on the site of the house, never in a file; this one sends your password to strangers."),
    then=advice.NO_CODE,
    weights={Kind.PHISHING: 3.4},
)
SMUGGLING: Final = Signal(
    name="attachments.page-smuggling",
    group=Group.ATTACHMENTS,
    seen=N_("The attached page {file} builds a file or another page out of scrambled letters."),
    why=N_("In this way harmful files pass mail servers unseen and come to be on your computer."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 3.0, Kind.PHISHING: 2.0},
)
REDIRECT: Final = Signal(
    name="attachments.page-redirect",
    group=Group.ATTACHMENTS,
    seen=N_("The attached page {file} leads on to another site by itself."),
    why=N_("The detour hides from filters where you really end."),
    then=advice.NO_OPEN,
    weights={Kind.PHISHING: 2.2},
)
DRAWING: Final = Signal(
    name="attachments.drawing-script",
    group=Group.ATTACHMENTS,
    seen=N_("The picture {file} contains a program."),
    why=N_("Pictures need none; opened in a browser it leads you to a false page."),
    then=advice.NO_OPEN,
    weights={Kind.PHISHING: 2.6, Kind.MALWARE: 1.4},
)


def page(file: File) -> Iterable[Finding]:
    """An attached page: that it is one, and what it does.  Text that calls itself a page is one too."""
    if file.kind != "html" and extension(file.name) not in _PAGES:
        return
    yield finding(file, PAGE)
    yield from _deeds(file, _text(file))


def drawing(file: File) -> Iterable[Finding]:
    """An SVG picture with a script or a page in it."""
    text = _text(file)
    match = _SCRIPT.search(text) or re.search(r"<foreignobject\b", text, re.IGNORECASE)
    if match:
        yield finding(file, DRAWING, 1.0, text[match.start() : match.start() + 80])
        yield from _deeds(file, text)


def _deeds(file: File, text: str) -> Iterable[Finding]:
    if match := _PASSWORD.search(text):
        form = _FORM.search(text)
        yield finding(file, LOGIN, 1.0, form[0][-120:] if form else match[0])
    calls = list(dict.fromkeys(match[0].lower() for match in SMUGGLES.finditer(text)))
    scrambled = _LETTERS.search(text)
    if len(calls) >= 3 or (calls and scrambled):
        yield finding(file, SMUGGLING, 0.6 + 0.2 * bool(scrambled) + 0.1 * len(calls), " ".join(calls))
    if match := _REFRESH.search(text):
        yield finding(file, REDIRECT, 1.0, text[match.start() : match.start() + 100])


def _text(file: File) -> str:
    octets = file.octets[:_LOOKED_AT]
    if octets.startswith((b"\xff\xfe", b"\xfe\xff")):
        return octets.decode("utf-16", "replace")
    return octets.decode("utf-8", "replace")


SIGNALS: Final[tuple[Signal, ...]] = (PAGE, LOGIN, SMUGGLING, REDIRECT, DRAWING)
