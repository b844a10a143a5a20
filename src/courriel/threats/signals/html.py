"""What the HTML of a message does: forms, scripts, files built by scripts, pictures instead of text.

How it is evaded: a plain link, or an attachment (attachments/smuggling.py). Good mail has scripts as descriptions for
machines (JSON-LD), and pictures with text beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import EVIDENCE_CHARACTERS, Channel, Evidence, Finding, Group, Kind
from courriel.threats.signal import Look, Signal
from courriel.threats.signals import advice
from courriel.threats.view import View

IMAGE_ONLY_LETTERS: Final = 80
"""Visible characters at most of a message that is a picture."""

SMUGGLES: Final = re.compile(
    r"mssaveoropenblob|mssaveblob|createobjecturl|new\s+blob\b|new\s+file\s*\(|\batob\s*\(|fromcharcode"
    r"|\bunescape\s*\(|document\.write\s*\(|\.download\s*="
)
"""Calls by which a page builds a file, or itself, out of letters; in lower case."""
_DATA: Final = re.compile(r"^\s*[{\[]")

FORM: Final = Signal(
    name="content.form",
    group=Group.CONTENT,
    seen=N_("The message contains a form that sends what you type to {host}."),
    why=N_("Honest senders lead you to their site; a form in the message sends your words where you cannot see."),
    then=advice.NO_CODE,
    weights={Kind.PHISHING: 0.8},
)
SCRIPT: Final = Signal(
    name="content.script",
    group=Group.CONTENT,
    seen=N_("The message contains a program (JavaScript)."),
    why=N_("A letter needs no program; mail programs refuse to run it, and honest senders know that."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 0.9, Kind.MALWARE: 0.7, Kind.SPAM: 0.5},
)
SMUGGLING: Final = Signal(
    name="content.smuggling",
    group=Group.CONTENT,
    seen=N_("A program in the message builds a file or a page that filters cannot see."),
    why=N_("This smuggles harmful files past the checks of mail servers."),
    then=advice.NO_OPEN,
    weights={Kind.MALWARE: 3.0, Kind.PHISHING: 1.5},
)
IMAGE_ONLY: Final = Signal(
    name="content.image-only",
    group=Group.CONTENT,
    seen=N_("The message is a picture with hardly any text."),
    why=N_("Text in a picture cannot be checked by filters; swindlers use that."),
    then=advice.NO_CLICK,
    weights={Kind.SPAM: 1.3, Kind.PHISHING: 0.9},
)
HTML_ALONE: Final = Signal(
    name="content.html-alone",
    group=Group.CONTENT,
    seen=N_("There is no plain text version of the message."),
    why=N_("Programs that send mail in bulk often leave it out. Alone this says little."),
    then=advice.NOTHING,
    weights={Kind.SPAM: 0.4, Kind.PHISHING: 0.3},
    fact=False,
)


def forms(view: View) -> Iterable[Finding]:
    """Forms that send elsewhere than to the author's own organisation, except the searches of newsletters."""
    own = {person.organisation for person in view.authors}
    for link in view.links:
        if link.kind == "form" and link.host and link.organisation not in own:
            evidence = Evidence("link", link.href[:EVIDENCE_CHARACTERS])
            yield Finding(FORM.name, FORM.group, 1.0, (evidence,), {"host": link.host})
            return


def scripts(view: View) -> Iterable[Finding]:
    """Scripts, and what they do."""
    programs = [script for script in view.scripts if script.strip() and not _DATA.match(script)]
    if not programs:
        return
    evidence = (Evidence("script", " ".join(programs[0].split())[:EVIDENCE_CHARACTERS]),)
    yield Finding(SCRIPT.name, SCRIPT.group, 1.0, evidence)
    calls = {match[0] for script in programs for match in SMUGGLES.finditer(script.lower())}
    if len(calls) >= 2:
        yield Finding(SMUGGLING.name, SMUGGLING.group, min(1.0, 0.3 + 0.25 * len(calls)), evidence)


def shape(view: View) -> Iterable[Finding]:
    """Pictures instead of text, and HTML without a text beside it."""
    if view.channel is not Channel.MAIL or not view.has_html:
        return
    letters = len(view.visible)
    if view.images and letters < IMAGE_ONLY_LETTERS:
        yield Finding(IMAGE_ONLY.name, IMAGE_ONLY.group, 1.0, (Evidence("text", view.visible[:EVIDENCE_CHARACTERS]),))
    if not view.plain.strip():
        yield Finding(HTML_ALONE.name, HTML_ALONE.group, 1.0)


SIGNALS: Final[tuple[Signal, ...]] = (FORM, SCRIPT, SMUGGLING, IMAGE_ONLY, HTML_ALONE)
LOOKS: Final[tuple[Look, ...]] = (forms, scripts, shape)
