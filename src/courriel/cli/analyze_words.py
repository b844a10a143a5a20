"""The words of an analysis that the terminal and the page share: titles, checks, spans of time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import Evidence
from courriel.threats.dossier import Check, Dossier, Station
from courriel.threats.explain import Translate

DECIDED: Final = N_("What decided")
GOOD: Final = N_("What speaks for it")
ADVICE: Final = N_("What to do")
LIMITS: Final = N_("What could not be known")
DETAIL: Final = N_("The proof in detail")
CARD: Final = N_("Sender and recipients")
CHECKS: Final = N_("Checks of the sender")
ROUTE: Final = N_("The way it came")
LINKS: Final = N_("Links, made harmless")
FILES: Final = N_("Attachments")
TEXT: Final = N_("The text, with what is hidden")
POINTS: Final = N_("All that was found")
SUMMARY: Final = N_("Summary")
WORST: Final = N_("The worst, in full")

WHERE: Final[Mapping[str, str]] = {
    "text": N_("text"),
    "hidden": N_("hidden text"),
    "link": N_("link"),
    "attachment": N_("attachment"),
    "envelope": N_("envelope"),
    "history": N_("earlier mail"),
    "subject": N_("subject"),
}
"""Where the words of a finding stand; else it is the name of a header field, which stays as it is."""

_CHECKED_BY: Final[Mapping[str, str]] = {
    "server": N_("As {server} found and wrote into the message."),
    "dns": N_("Looked up in the DNS just now: a signature can be gone by now, or a server moved, for an old message."),
    "nobody": N_("Nobody has checked the sender. Name your server (--authserv-id), or ask the DNS (--dns)."),
}

QUESTIONS: Final[Mapping[str, str]] = {
    "SPF": N_("Was the computer that sent it allowed to, by the domain in the envelope?"),
    "DKIM": N_("Is there an unbroken signature, and of which domain?"),
    "DMARC": N_("Does one of these prove the very domain that you see as the sender?"),
    "ARC": N_("Did those who sent it on vouch for what they had checked?"),
    "name": N_("Does the computer that sent it have a name that leads back to it?"),
}

RESULTS: Final[Mapping[str, str]] = {
    "pass": N_("proven"),
    "fail": N_("failed"),
    "softfail": N_("probably not allowed"),
    "neutral": N_("the domain does not say"),
    "none": N_("nothing to check"),
    "policy": N_("not good enough for the one who checked"),
    "temperror": N_("could not be looked up then"),
    "permerror": N_("the domain's own record is wrong"),
}

MOODS: Final[Mapping[str, str]] = {
    "pass": "good",
    "fail": "bad",
    "softfail": "bad",
    "permerror": "bad",
    "policy": "bad",
}
"""Colour of a result; the others are neither."""

FILES_ARE: Final[Mapping[str, str]] = {
    "7z": N_("7-Zip archive"),
    "ace": N_("ACE archive"),
    "arj": N_("ARJ archive"),
    "bzip2": N_("bzip2 archive"),
    "cab": N_("Windows cabinet archive"),
    "empty": N_("empty"),
    "gzip": N_("gzip archive"),
    "help": N_("Windows help file, which can run programs"),
    "html": N_("web page"),
    "image": N_("picture"),
    "iso": N_("disk image"),
    "lzh": N_("LZH archive"),
    "media": N_("sound or film"),
    "ole": N_("old office document, or another compound file"),
    "onenote": N_("OneNote notebook"),
    "pdf": N_("PDF document"),
    "program": N_("program"),
    "rar": N_("RAR archive"),
    "rtf": N_("RTF document"),
    "script": N_("script, that is a program as text"),
    "shortcut": N_("shortcut, which can run programs"),
    "svg": N_("SVG picture, which can hold scripts"),
    "tar": N_("tar archive"),
    "text": N_("text"),
    "unknown": N_("unknown"),
    "vhd": N_("disk image"),
    "xz": N_("xz archive"),
    "zip": N_("ZIP archive or new office document"),
}
"""By words of ``formats.archive.sniff.TYPES``."""

DANGEROUS: Final = frozenset({"program", "script", "shortcut", "help", "iso", "vhd", "onenote", "html", "svg"})
"""Types that run, or can hold what runs: shown in red."""

DIFFERS: Final[Mapping[str, str]] = {
    "reply_to": N_("answers would go to another organisation than the sender's"),
    "return_path": N_("failures are reported to another organisation than the sender's"),
    "sender": N_("handed in by another organisation than the sender's"),
}


def where(name: str, _: Translate) -> str:
    """Where evidence stands, for people."""
    return _(WHERE[name]) if name in WHERE else name.title()


def quotes(evidence: Iterable[Evidence]) -> Mapping[str, list[str]]:
    """The words by where they stand."""
    found: dict[str, list[str]] = {}
    for one in evidence:
        found.setdefault(one.where, []).append(one.words)
    return found


def checked_by(dossier: Dossier, _: Translate) -> str:
    """Who checked the sender."""
    return _(_CHECKED_BY[dossier.source.checked_by]).format(server=dossier.source.authserv_id)


def check_question(check: Check, _: Translate) -> str:
    """What the check asks."""
    return _(QUESTIONS[check.method])


def check_result(check: Check, _: Translate) -> str:
    """What it found, and whether it is about the sender that is seen."""
    found = _(RESULTS[check.result])
    if check.result == "pass" and check.aligned is False:
        return _("{found}, but not for the sender that you see").format(found=found)
    return found


def mood(check: Check) -> str:
    """ "good", "bad" or "" for neither."""
    if check.result == "pass" and check.aligned is False:
        return ""
    return MOODS.get(check.result, "")


def station_mood(station: Station) -> str:
    """ "waiting" where a clock is wrong, a time is unreadable or it lay for hours."""
    delay = station.delay_s
    return "waiting" if station.at is None or (delay is not None and not -60 <= delay <= SLOW_S) else "good"


SLOW_S: Final = 3_600
"""``analyze.slow_s``: a station that kept a message longer is marked."""


def span(seconds: float | None, _: Translate) -> str:
    """The time between two stations."""
    if seconds is None:
        return _("time unknown")
    if seconds < 0:
        return _("{span} back: the clocks disagree").format(span=_span(-seconds, _))
    return _span(seconds, _)


def _span(seconds: float, _: Translate) -> str:
    if seconds < 120:
        return _("{count} s").format(count=round(seconds))
    if seconds < 7_200:
        return _("{count} min").format(count=round(seconds / 60))
    if seconds < 172_800:
        return _("{count} h").format(count=round(seconds / 3_600, 1))
    return _("{count} days").format(count=round(seconds / 86_400))


def moment(at: float | None) -> str:
    """UTC, to the second; "–" for none or one off the calendar."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at is not None else "–"
    except (ValueError, OverflowError, OSError):
        return "–"


def percent(share: float) -> str:
    """Never rounded up to certainty."""
    return f"{min(int(share * 100 + 0.5), 99)} %" if share < 1 else "100 %"
