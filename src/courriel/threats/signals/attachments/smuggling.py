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

_HEAD, _TAIL = 192 << 10, 64 << 10
"""Octets of a page that are looked at, from its beginning and its end: between them stands what is smuggled."""
_PAGES: Final = frozenset(["html", "htm", "shtml", "xhtml", "xht", "mht", "mhtml", "svg"])
_PASSWORD: Final = re.compile(r"""type\s*=\s*["']?password""")
_FORM: Final = re.compile(r"""<form\b[^<>]{0,500}action\s*=\s*["']?https?://([^\s"'/<>]+)""")
_SCRIPT: Final = re.compile(r"<script\b|\bon(?:load|error|click|begin)\s*=|javascript:|<foreignobject\b")
_META: Final = re.compile(r"""http-equiv\s*=\s*["']?refresh["']?[^<>]{0,200}url\s*=""")
_LOCATION: Final = re.compile(r"""location(?:\.href|\.replace|\.assign)?\s*[=(]\s*\(?["'`]?h?""")
_FRAME: Final = re.compile(r"""<iframe\b[^<>]{0,300}src\s*=\s*["']?https?:""")
_ELSEWHERE: Final = (("refresh", _META), ("location", _LOCATION), ("<iframe", _FRAME))
_LETTERS: Final = re.compile(r"(?<![a-z0-9+/=])[a-z0-9+/=]{2000}")
_ESCAPES: Final = re.compile(
    r"(?<![0-9a-f])(?:(?:%[0-9a-f]{2}){300}|(?:\\x[0-9a-f]{2}){300})|(?<![\d,\s])(?:\d{1,3},\s?){300}"
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
    if match := _SCRIPT.search(text):
        yield finding(file, DRAWING, 1.0, text[match.start() : match.start() + 80])
        yield from _deeds(file, text)


def _deeds(file: File, text: str) -> Iterable[Finding]:
    if "password" in text and (match := _PASSWORD.search(text)):
        form = _FORM.search(text)
        yield finding(file, LOGIN, 1.0, form[0][-120:] if form else match[0])
    calls = list(dict.fromkeys(match[0] for match, _ in zip(SMUGGLES.finditer(text), range(100), strict=False)))
    scrambled = _LETTERS.search(text) or _ESCAPES.search(text)
    if len(calls) >= 3 or (calls and scrambled):
        yield finding(file, SMUGGLING, 0.6 + 0.2 * bool(scrambled) + 0.1 * len(calls), " ".join(calls))
    for word, pattern in _ELSEWHERE:
        if word in text and (match := pattern.search(text)):
            yield finding(file, REDIRECT, 1.0, text[match.start() : match.start() + 100])
            return


def _text(file: File) -> str:
    """What is looked at of a page, in lower case, as far as the message's budget for pages goes."""
    octets = file.octets
    if len(octets) > _HEAD + _TAIL:
        octets = octets[:_HEAD] + b"\n" + octets[-_TAIL:]
    octets = octets[: max(0, file.budget.pages)]
    file.budget.pages -= len(octets)
    charset = "utf-16" if octets.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    return octets.decode(charset, "replace").lower()


SIGNALS: Final[tuple[Signal, ...]] = (PAGE, LOGIN, SMUGGLING, REDIRECT, DRAWING)
