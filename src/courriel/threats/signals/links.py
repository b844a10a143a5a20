"""Where links lead, against what they show and against who sends them.

Sees: a text that names another organisation than the link's; short links, free pages and open redirectors; numbers in
place of a name, in any notation; a name before "@"; odd ports; data: and javascript:; letters of mixed alphabets; cheap
endings; a brand's name in front of another's domain.  Why: the click is what phishing is for.  How it is evaded: a
button's text names nothing, and a broken-into site has an honest name.  Good mail: newsletters count clicks through
others' domains; so a text that names the author's own organisation may lead through a known counter, and whatever
belongs to one brand is one place.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import Channel, Evidence, Finding, Group, Kind
from courriel.threats.lists import brands, lines, within, words
from courriel.threats.lists.brands import same_owner
from courriel.threats.reading.organisation import host_name, organisation
from courriel.threats.signal import Look, Signal
from courriel.threats.signals import advice
from courriel.threats.signals.lookalike import raw_label, shown
from courriel.threats.signals.proof import from_list, under
from courriel.threats.view import Link, View

SHOWN: Final = 3
"""Links that a finding quotes."""
BIG_SITE: Final = 25
"""Links after which a message is a digest: one odd link among many says less."""

ELSEWHERE: Final = Signal(
    name="links.text-elsewhere",
    group=Group.LINKS,
    seen=N_("A link shows {shown}, but leads to {target}."),
    why=N_("What is written is not where you end up: that is how false pages get their visitors."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 2.0, Kind.SPOOFING: 0.5, Kind.SPAM: 0.5},
)
SHORT: Final = Signal(
    name="links.shortener",
    group=Group.LINKS,
    seen=N_("A short link ({host}) hides where it leads."),
    why=N_("In a text message room is scarce; in mail there is no honest reason to hide an address."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 1.3, Kind.SPAM: 0.9, Kind.SCAM: 0.6, Kind.SMISHING: 1.2},
)
NUMBER: Final = Signal(
    name="links.address-for-name",
    group=Group.LINKS,
    seen=N_("A link leads to a machine without a name: {host}."),
    why=N_("Every honest site has a name; numbers hide whose it is."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 1.8, Kind.SPAM: 1.2, Kind.MALWARE: 0.8, Kind.SMISHING: 1.6},
)
USERINFO: Final = Signal(
    name="links.name-before-at",
    group=Group.LINKS,
    seen=N_("A link begins like {shown}, but really leads to {host}, behind the “@”."),
    why=N_("What stands before “@” is no address; it is there to be read by you and ignored by the browser."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 2.6, Kind.SMISHING: 2.2, Kind.SPAM: 0.8},
)
PORT: Final = Signal(
    name="links.odd-port",
    group=Group.LINKS,
    seen=N_("A link leads through an unusual door: {host}, port {port}."),
    why=N_("Pages on odd ports are mostly put on machines that were broken into."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 0.9, Kind.SPAM: 0.6, Kind.MALWARE: 0.6, Kind.SMISHING: 0.8},
)
FREE: Final = Signal(
    name="links.free-host",
    group=Group.LINKS,
    seen=N_("A link leads to a page that anybody can put up for nothing: {host}."),
    why=N_("Organisations have sites of their own; false log-in pages live on free ones."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 1.3, Kind.SMISHING: 1.2, Kind.SPAM: 0.5, Kind.SCAM: 0.4},
)
REDIRECT: Final = Signal(
    name="links.open-redirector",
    group=Group.LINKS,
    seen=N_("A link uses {host} only to send you on to somewhere else."),
    why=N_("The known name is borrowed, so that people and filters let the link pass."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 1.4, Kind.SPAM: 0.8, Kind.SMISHING: 1.2},
)
SCRIPT: Final = Signal(
    name="links.code-for-address",
    group=Group.LINKS,
    seen=N_("A link holds a program or a whole page ({scheme}:) in place of an address."),
    why=N_("No honest message links in this way: it hides a page from every check."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 2.0, Kind.MALWARE: 1.5, Kind.SPAM: 0.5},
)
MIXED: Final = Signal(
    name="links.mixed-letters",
    group=Group.LINKS,
    seen=N_("The name of a link's site mixes letters of different alphabets: {host}."),
    why=N_("Letters that look alike make another name that you cannot tell from the real one."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 2.2, Kind.SMISHING: 2.0, Kind.SPAM: 0.5},
)
ENDING: Final = Signal(
    name="links.suspicious-ending",
    group=Group.LINKS,
    seen=N_("A link leads to a name that ends in “.{ending}”: {host}."),
    why=N_("Names with this ending cost next to nothing and are used for attacks far more often than for honest mail."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 1.0, Kind.SPAM: 1.0, Kind.SMISHING: 1.2, Kind.SCAM: 0.3},
)
SUBDOMAIN: Final = Signal(
    name="links.brand-in-front",
    group=Group.LINKS,
    seen=N_("A link begins with {brand}, but the site belongs to {domain}."),
    why=N_("Only the last part of a site's name tells whose it is; anything may be put in front."),
    then=advice.NO_CLICK,
    weights={Kind.PHISHING: 2.2, Kind.SMISHING: 2.2, Kind.SPAM: 0.4},
)
NONE_MATCH: Final = Signal(
    name="links.none-to-sender",
    group=Group.LINKS,
    seen=N_("No link leads to the sender's own site ({domain})."),
    why=N_("Companies mostly link to themselves."),
    then=advice.LOOK_TWICE,
    weights={Kind.PHISHING: 0.3, Kind.SPAM: 0.3},
)

_WEB: Final = frozenset({"http", "https", "ftp"})
_CODE: Final = frozenset({"data", "javascript", "vbscript", "blob"})
_PORTS: Final = frozenset({None, 80, 443, 21, 8080, 8443})
_TEXT_HOST: Final = re.compile(
    r"\s*(?:(?P<scheme>https?://)|(?P<www>www\.)(?=\w))?(?:[^/@\s]{1,64}@)?(?P<host>(?:[\w-]{1,63}\.){1,6}[a-z]{2,18})"
    r"(?::\d+)?(?:[/?#]\S*)?\s*",
    re.IGNORECASE,
)
_PLAIN_ENDINGS: Final = frozenset(
    ["com", "net", "org", "fr", "de", "uk", "eu", "ca", "be", "ch", "us", "br", "it", "es", "nl", "au", "gov", "edu"]
)
_BASE: Final = re.compile(r"(?:0x[0-9a-f]{1,8}|0[0-7]{1,11}|\d{1,10})", re.IGNORECASE)
_TARGET: Final = re.compile(r"https?(?::|%3a)(?:/|%2f){2}", re.IGNORECASE)


def targets(view: View) -> Iterable[Finding]:
    """Each link by itself; what is found of several is said once, with the first few of them."""
    if view.channel is Channel.CALL:
        return
    found: dict[str, tuple[Signal, dict[str, str], list[Evidence]]] = {}
    seen: set[tuple[str, str]] = set()
    for link in view.links:
        if (key := (link.kind, link.href)) in seen:
            continue
        seen.add(key)
        for signal, facts in _of_link(link, view):
            quoted = found.setdefault(signal.name, (signal, facts, []))[2]
            if len(quoted) < SHOWN:
                quoted.append(Evidence("link", link.href[:200]))
    strength = 0.5 if len(seen) > BIG_SITE or from_list(view) else 1.0
    for signal, facts, quoted in found.values():
        yield Finding(signal.name, signal.group, strength, tuple(quoted), facts)


def texts(view: View) -> Iterable[Finding]:
    """Links whose text is an address itself."""
    if view.channel is not Channel.MAIL:
        return
    home = view.authors[0].organisation if view.authors else ""
    for link in view.links:
        if link.kind not in ("a", "area") or link.scheme not in _WEB or not link.host:
            continue
        says = text_organisation(link.text)
        if says and not _same(says, link, home):
            facts = {"shown": link.text[:80], "target": shown(link.host)}
            evidence = (Evidence("link", link.text[:200]), Evidence("link", link.href[:200]))
            strength = 0.5 if from_list(view) else 1.0
            yield Finding(ELSEWHERE.name, ELSEWHERE.group, strength, evidence, facts)
            return


def none_to_sender(view: View) -> Iterable[Finding]:
    """HTML with links, and none to the author's organisation, nor a reader's own or a counter's."""
    if view.channel is not Channel.MAIL or not view.has_html or not view.authors or from_list(view):
        return
    home = view.authors[0].organisation
    places = {link.organisation for link in view.links if link.scheme in _WEB and link.organisation}
    if not home or home in words("free_mail") or not places:
        return
    read_at = {one.organisation for one in view.recipients}
    if not any(same_owner(home, place) or place in words("mailers") or place in read_at for place in places):
        evidence = tuple(Evidence("link", link.href[:200]) for link in view.links if link.organisation)[:SHOWN]
        yield Finding(NONE_MATCH.name, NONE_MATCH.group, 1.0, evidence, {"domain": view.authors[0].domain})


@lru_cache(maxsize=4096)
def text_organisation(text: str) -> str:
    """The organisation whose address a text is: all of it, in a form that nobody takes for a word or a file's name."""
    if "." not in text or len(text) > 300:
        return ""
    match = _TEXT_HOST.fullmatch(text)
    if match is None:
        return ""
    host = host_name(match["host"])
    bare = not match["scheme"] and not match["www"]
    if bare and host.rpartition(".")[2] not in _PLAIN_ENDINGS:
        return ""
    return organisation(host)


def is_number(host: str) -> bool:
    """Whether a host is an address, in any notation that browsers take: dotted, one number, octal, hexadecimal (WHATWG
    URL §3.5)."""
    if host.startswith("["):
        return True
    parts = host.split(".")
    return len(parts) <= 4 and all(_BASE.fullmatch(part) for part in parts)


def is_inside(host: str) -> bool:
    """An address of a network at home (RFC 1918) or the machine itself: nobody else can wait there."""
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:
        return host == "localhost"


def has_mixed_letters(host: str) -> bool:
    """A label that draws Latin letters beside those of another alphabet, or that IDNA forbids (RFC 5892; what could not
    be made an A-label, too): no registry sells such names, only owners of a domain put them below it."""
    return not host.isascii() or any(_pretends(part) for part in host.split(".") if part.startswith("xn--"))


def _pretends(a_label: str) -> bool:
    label = raw_label(a_label)
    scripts = {_script(one) for one in label if one.isalpha()} - {""}
    return ("latin" in scripts and len(scripts) > 1) or (label != a_label and shown(a_label) == a_label)


def _script(letter: str) -> str:
    code = ord(letter)
    if code < 0x250 or 0x1E00 <= code < 0x1F00:
        return "latin"
    for name, low, high in (("greek", 0x370, 0x400), ("cyrillic", 0x400, 0x530), ("armenian", 0x530, 0x590)):
        if low <= code < high:
            return name
    return "other" if code < 0x2E80 else ""


def _of_link(link: Link, view: View) -> Iterator[tuple[Signal, dict[str, str]]]:
    if link.scheme in _CODE and not link.href.lower().startswith("data:image/"):
        if link.kind != "image" and not _is_nothing(link):
            yield SCRIPT, {"scheme": link.scheme}
        return
    if link.scheme not in _WEB or not link.host or link.kind == "image":
        return
    host = shown(link.host)
    if link.userinfo and "." in link.userinfo:
        yield USERINFO, {"shown": link.userinfo[:60], "host": host}
    if is_inside(link.host):
        return
    if link.port not in _PORTS:
        yield PORT, {"host": host, "port": str(link.port)}
    if is_number(link.host):
        yield NUMBER, {"host": host}
        return
    yield from _of_name(link, host, view)


def _of_name(link: Link, host: str, view: View) -> Iterator[tuple[Signal, dict[str, str]]]:
    home = view.authors[0].organisation if view.authors else ""
    if home and link.organisation == home and home not in words("free_mail"):
        return
    if within(link.host, "shorteners") and len(link.path) > 1:
        yield SHORT, {"host": host}
    elif free := within(link.host, "free_hosts"):
        if not (home and same_owner(home, organisation(free))):
            yield FREE, {"host": host}
    elif is_redirect(link):
        yield REDIRECT, {"host": host}
    ending = link.host.rpartition(".")[2]
    if ending in words("suspicious_tlds"):
        yield ENDING, {"ending": ending, "host": host}
    if ("xn--" in link.host or not link.host.isascii()) and has_mixed_letters(link.host):
        yield MIXED, {"host": host}
    if brand := brand_in_front(link.host, link.organisation):
        yield SUBDOMAIN, {"brand": brand, "domain": link.organisation}


def _is_nothing(link: Link) -> bool:
    """``javascript:void(0)`` and the like: a button without an address."""
    return link.scheme == "javascript" and len(link.path) < 12


@lru_cache(maxsize=4096)
def brand_in_front(host: str, organisation_: str) -> str:
    """The brand whose whole domain, or long name, stands before the domain that counts."""
    if not organisation_ or organisation_ in brands.by_domain():
        return ""
    front = host.removesuffix(organisation_).rstrip(".").split(".")
    if front == [""] or within(host, "free_hosts"):
        return ""
    labels = brands.labels()
    for i, label in enumerate(front):
        owner = brands.by_domain().get(".".join(front[i : i + 2]))
        if owner is not None:
            return owner.name
        brand = labels.get(label)
        if brand is not None and not brand.everyday and len(front) > 1:
            return brand.name
    return ""


def is_redirect(link: Link) -> bool:
    """A known address that sends on to a foreign one, or any that has a whole foreign address in its question."""
    for host, path, parameters in _redirectors():
        if under(link.host, host) and link.path.startswith(path) and len(link.path) > len(path):
            names = link.path.partition("?")[2]
            if not parameters or any(part.partition("=")[0] in parameters for part in names.split("&")):
                return True
    return False


@lru_cache(maxsize=1)
def _redirectors() -> tuple[tuple[str, str, frozenset[str]], ...]:
    found = []
    for line in lines("redirectors"):
        host, path, parameters = line.split()
        found.append((host, path, frozenset(parameters.split("|")) - {"-"}))
    return tuple(found)


def _same(says: str, link: Link, home: str) -> bool:
    """Whether the text's organisation may send its readers through the link's."""
    target = link.organisation
    if not target:
        return False
    if same_owner(says, target) or (home and target == home):
        return True
    if within(link.host, "mailers"):
        return True
    return bool(_TARGET.search(link.href, 9)) and says in link.href


SIGNALS: Final[tuple[Signal, ...]] = (
    ELSEWHERE,
    SHORT,
    NUMBER,
    USERINFO,
    PORT,
    FREE,
    REDIRECT,
    SCRIPT,
    MIXED,
    ENDING,
    SUBDOMAIN,
    NONE_MATCH,
)
LOOKS: Final[tuple[Look, ...]] = (targets, texts, none_to_sender)
