"""What a file is against what it calls itself: programs, scripts, shortcuts, disk images, disguises.

How it is evaded: a harmless type that leads on (a page, a document with a link), a locked archive, a file host. Good
mail among developers has scripts; the weights of shell and Python scripts are therefore none, they do not start by a
double click on the systems that most people have.
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

PROGRAMS: Final = frozenset(
    [
        "exe",
        "scr",
        "pif",
        "cpl",
        "msi",
        "msix",
        "appx",
        "dll",
        "sys",
        "jar",
        "apk",
        "dmg",
        "pkg",
        "gadget",
        "xll",
        "appinstaller",
    ]
)
SCRIPTS: Final = frozenset(
    {
        "js",
        "jse",
        "vbs",
        "vbe",
        "vb",
        "wsf",
        "wsh",
        "wsc",
        "sct",
        "bat",
        "cmd",
        "ps1",
        "psm1",
        "hta",
        "reg",
        "chm",
        "hlp",
    }
    | {"ahk", "a3x", "py_", "msc", "inf", "application", "settingcontent-ms", "diagcab", "rdp"}
)
SHORTCUTS: Final = frozenset(
    ["lnk", "url", "scf", "library-ms", "search-ms", "searchconnector-ms", "website", "iqy", "slk"]
)
IMAGES: Final = frozenset(["iso", "img", "vhd", "vhdx", "udf", "wim"])
NOTEBOOKS: Final = frozenset(["one", "onepkg", "onetoc2"])
_HARMLESS: Final = frozenset(
    {
        "pdf",
        "doc",
        "docx",
        "xls",
        "xlsx",
        "ppt",
        "pptx",
        "jpg",
        "jpeg",
        "png",
        "gif",
        "txt",
        "rtf",
        "csv",
        "zip",
        "mp3",
        "mp4",
    }
    | {"odt", "ods", "html", "htm"}
)
_EXPECTED: Final = {
    "pdf": {"pdf"},
    "docx": {"zip", "ole"},
    "xlsx": {"zip", "ole"},
    "pptx": {"zip", "ole"},
    "doc": {"ole", "rtf", "zip", "html", "text"},
    "xls": {"ole", "zip", "html", "text", "unknown"},
    "rtf": {"rtf"},
    "jpg": {"image"},
    "jpeg": {"image"},
    "png": {"image"},
    "gif": {"image"},
    "zip": {"zip"},
    "txt": {"text", "html", "svg", "script", "unknown", "empty", "rtf"},
    "csv": {"text", "unknown", "empty"},
}
"""What the first octets of a file with this extension may be; old programs save pages as documents."""
_DOUBLE: Final = re.compile(r"\.([a-z0-9]{2,5})[\s._-]*\.([a-z0-9-]{2,20})[\s.]*$", re.IGNORECASE)
_TURNED: Final = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")
_PADDED: Final = re.compile(r"\S[\s\u2800\u00a0]{8,}\.?\w+$")

PROGRAM: Final = Signal(
    name="attachments.program",
    group=Group.ATTACHMENTS,
    seen=N_("The file {file} is a program."),
    why=N_("Opened, it can do on your computer whatever you can. Honest senders do not mail programs."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 4.0},
)
SCRIPT: Final = Signal(
    name="attachments.script",
    group=Group.ATTACHMENTS,
    seen=N_("The file {file} is a script that runs when it is opened."),
    why=N_("A double click lets it fetch and start harmful programs."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 3.6},
)
SHORTCUT: Final = Signal(
    name="attachments.shortcut",
    group=Group.ATTACHMENTS,
    seen=N_("The file {file} is a shortcut, not a document."),
    why=N_("A shortcut can start any command, under any picture."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 3.6},
)
DISK: Final = Signal(
    name="attachments.disk-image",
    group=Group.ATTACHMENTS,
    seen=N_("The file {file} is the image of a disk."),
    why=N_("Programs in it escape the warnings that your system shows for files from the internet."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 3.0},
)
NOTEBOOK: Final = Signal(
    name="attachments.notebook",
    group=Group.ATTACHMENTS,
    seen=N_("The file {file} is a OneNote notebook."),
    why=N_("Scripts hide in it behind a picture that says “double click to view”."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 2.2},
)
DISGUISED: Final = Signal(
    name="attachments.disguised",
    group=Group.ATTACHMENTS,
    seen=N_("The name of the file {file} hides what it is: {really}."),
    why=N_("A false name is there to make you open the file."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 2.4, Kind.PHISHING: 1.0, Kind.SPAM: 0.6},
)
_BY_EXTENSION: Final = (
    (PROGRAMS, PROGRAM),
    (SCRIPTS, SCRIPT),
    (SHORTCUTS, SHORTCUT),
    (IMAGES, DISK),
    (NOTEBOOKS, NOTEBOOK),
)
_BY_KIND: Final = {
    "program": PROGRAM,
    "shortcut": SHORTCUT,
    "iso": DISK,
    "vhd": DISK,
    "onenote": NOTEBOOK,
    "help": SCRIPT,
}


def named(file: File) -> Iterable[Finding]:
    """What the file is, by its octets or its name, and whether the name lies."""
    ending = extension(file.name)
    signal = _BY_KIND.get(file.kind) or next((signal for names, signal in _BY_EXTENSION if ending in names), None)
    if signal is SHORTCUT and ending == "slk" and file.kind == "unknown":
        signal = None
    if signal is not None:
        yield finding(file, signal, 0.6 if ending in ("url", "website") else 1.0)
    if lie := _lie(file, ending, signal is not None):
        yield finding(file, DISGUISED, 1.0 if signal else 0.6, really=lie)


def _lie(file: File, ending: str, harmful: bool) -> str:
    """What is hidden, "" for an honest name."""
    if _TURNED.search(file.name):
        return f".{ending or file.kind}"
    double = _DOUBLE.search(file.name)
    if double and harmful and double[1].lower() in _HARMLESS:
        return f".{double[2].lower()}"
    if _PADDED.search(file.name) and harmful:
        return f".{ending}"
    expected = _EXPECTED.get(ending)
    if expected and file.octets and file.kind not in expected:
        return file.kind
    return ""


SIGNALS: Final[tuple[Signal, ...]] = (PROGRAM, SCRIPT, SHORTCUT, DISK, NOTEBOOK, DISGUISED)
