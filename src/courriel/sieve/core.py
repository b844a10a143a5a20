"""The language itself: control, actions and tests of RFC 5228 §3–5; envelope, fileinto with mailbox, copy, special-use.

Each ``_make`` takes what a script wrote and gives the function that does it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from courriel.base.errors import FormatError
from courriel.base.i18n import N_
from courriel.formats.path import parse_address
from courriel.model.mailbox import canonical_path
from courriel.sieve.actions import Discard, FileInto, Keep, Redirect
from courriel.sieve.headers import HEADER_TAGS, values_of
from courriel.sieve.matching import LONG_CHARACTERS, MATCH_TAGS, ascii_casemap, found_in_long, matcher, plain_keys
from courriel.sieve.message import local_and_domain
from courriel.sieve.problems import Problem, RunError
from courriel.sieve.run import Run, StepFunction, Stop, TestFunction
from courriel.sieve.usage import Given, Tags, TagUsage, Takes, Usage
from courriel.sieve.values import Text, Texts

FIELD_NAME: Final = re.compile(r"[!-9;-~]+")

ADDRESS_FIELDS: Final = frozenset(
    {"from", "to", "cc", "bcc", "sender", "reply-to", "resent-from", "resent-to", "resent-cc", "resent-bcc"}
    | {"resent-sender", "delivered-to", "return-path", "disposition-notification-to", "mail-followup-to"}
    | {"x-original-to", "envelope-to", "x-original-from", "resent-reply-to", "errors-to", "apparently-to"}
)
"""Fields that hold addresses.  RFC 5228 §5.1: a test on any other is a mistake."""

PART_TAGS: Final[Tags] = {
    "localpart": TagUsage(group="part"),
    "domain": TagUsage(group="part"),
    "all": TagUsage(group="part"),
    "user": TagUsage(group="part", needs="subaddress"),
    "detail": TagUsage(group="part", needs="subaddress"),
}

Part = Callable[[str, str], str | None]

PARTS: Final[dict[str, Part]] = {
    "localpart": lambda local, _domain: local,
    "domain": lambda _local, domain: domain,
    "all": lambda local, domain: f"{local}@{domain}" if domain else local,
    "user": lambda local, _domain: local.partition("+")[0],
    "detail": lambda local, _domain: local.partition("+")[2] if "+" in local else None,
}
"""RFC 5228 §2.7.4; RFC 5233 §4, where an address without detail has none to match."""

FLAGS_TAG: Final = TagUsage(Takes.STRINGS, "imap4flags")
WHERE_TAGS: Final[Tags] = {
    "flags": FLAGS_TAG,
    "create": TagUsage(needs="mailbox"),
    "specialuse": TagUsage(Takes.STRING, "special-use"),
}


# --- actions ------------------------------------------------------------------------------------------------------
def _keep(given: Given) -> StepFunction:
    flags = given.tag_texts("flags")
    line = given.line

    def step(run: Run) -> None:
        run.implicit_keep = False
        run.act(Keep(flags_of(run, flags), run.message.current()), line)

    return step


def flags_of(run: Run, flags: Texts | None) -> tuple[str, ...]:
    """Those of ``:flags``, else of the internal variable.  RFC 5232 §5."""
    return tuple(run.flags) if flags is None else tuple(split_flags(flags(run)))


def split_flags(lists: tuple[str, ...]) -> list[str]:
    """Flags of some lists, each once.  RFC 5232 §2: what is no flag is passed over."""
    found: dict[str, str] = {}
    for text in lists:
        for flag in text.split():
            if _FLAG.fullmatch(flag) and (not flag.startswith("\\") or flag.lower() in SYSTEM):
                found.setdefault(flag.lower(), flag)
    return list(found.values())


_FLAG: Final = re.compile(r"\\?[!#$&'+-\[^-z|}~]{1,128}")
"""RFC 9051 §9 flag-keyword: an atom; at most as many characters as the store keeps."""
SYSTEM: Final = frozenset({"\\seen", "\\answered", "\\flagged", "\\deleted", "\\draft"})


def _discard(given: Given) -> StepFunction:
    line = given.line

    def step(run: Run) -> None:
        run.implicit_keep = False
        run.act(Discard(), line)

    return step


def _redirect(given: Given) -> StepFunction:
    text, copy, line = given.text(0), given.has("copy"), given.line
    check_address(given, text)

    def step(run: Run) -> None:
        address = address_or_error(text(run), line)
        if not copy:
            run.implicit_keep = False
        run.act(Redirect(address, run.message.current()), line)

    return step


def check_address(given: Given, text: Text) -> None:
    """Note a constant that is no address."""
    if text.constant is not None:
        try:
            parse_address(text.constant)
        except FormatError:
            given.compiler.wrong(given.line, N_("“{text}” is no address"), text=text.constant)


def address_or_error(text: str, line: int) -> str:
    """An address made while the script runs.  Raises RunError."""
    try:
        return parse_address(text).address
    except FormatError:
        raise RunError(Problem(line, N_("“{text}” is no address"), {"text": text[:80]})) from None


def _fileinto(given: Given) -> StepFunction:
    name, copy, line = given.text(0), given.has("copy"), given.line
    flags, create, special = given.tag_texts("flags"), given.has("create"), given.tag_text("specialuse")
    check_mailbox(given, name)

    def step(run: Run) -> None:
        mailbox = mailbox_or_error(name(run), line)
        if not copy:
            run.implicit_keep = False
        use = special(run) if special is not None else ""
        run.act(FileInto(mailbox, flags_of(run, flags), create, use, run.message.current()), line)

    return step


def check_mailbox(given: Given, text: Text) -> None:
    """Note a constant that cannot be the name of a mailbox."""
    if text.constant is not None:
        try:
            canonical_path(text.constant)
        except FormatError as error:
            given.compiler.wrong(
                given.line, N_("“{text}” is no name for a mailbox: {why}"), text=text.constant, why=error.rule
            )


def mailbox_or_error(text: str, line: int) -> str:
    """The name of a mailbox made while the script runs.  Raises RunError."""
    try:
        return canonical_path(text)
    except FormatError as error:
        values = {"text": text[:80], "why": error.rule}
        raise RunError(Problem(line, N_("“{text}” is no name for a mailbox: {why}"), values)) from None


def _stop(_given: Given) -> StepFunction:
    def step(_run: Run) -> None:
        raise Stop

    return step


# --- tests --------------------------------------------------------------------------------------------------------
def _address(given: Given) -> TestFunction:
    names, match = given.texts(0), matcher(given, given.texts(1))
    part = PARTS[given.one_of(*PARTS) or "all"]
    check_fields(given, names)
    for name in names.constant or ():
        if name.lower() not in ADDRESS_FIELDS:
            given.compiler.wrong(given.line, N_("the field “{name}” does not hold addresses"), name=name)
    people = _people(given)

    def test(run: Run) -> bool:
        found = []
        for local, domain in people(run, names(run)):
            shown = part(local, domain)
            if shown is not None:
                found.append(shown)
        return match(run, found)

    return test


def _people(given: Given) -> Callable[[Run, Sequence[str]], list[tuple[str, str]]]:
    """Addresses of some fields; those of the message itself are read once for all tests."""
    if not any(given.has(tag) for tag in HEADER_TAGS):
        return lambda run, names: [one for name in names for one in run.message.fields.people(name.lower())]
    raw = values_of(given, decoded=False)
    return lambda run, names: [
        one for value in raw(run, names) for one in local_and_domain(value.encode("utf-8", "surrogateescape"))
    ]


def check_fields(given: Given, names: Texts) -> None:
    """Note constants that are no field names."""
    for name in names.constant or ():
        if FIELD_NAME.fullmatch(name) is None:
            given.compiler.wrong(given.line, N_("“{name}” is no name of a field"), name=name)


def _envelope(given: Given) -> TestFunction:
    parts, match = given.texts(0), matcher(given, given.texts(1))
    part = PARTS[given.one_of(*PARTS) or "all"]
    for name in parts.constant or ():
        if name.lower() not in ("from", "to", "auth"):
            given.compiler.wrong(given.line, N_("the envelope has no part “{name}”: from, to, auth"), name=name)

    def test(run: Run) -> bool:
        environment = run.environment
        found = []
        for name in parts(run):
            kind = name.lower()
            if kind == "auth":
                text = environment.login
                if not text:
                    continue
            else:
                text = environment.sender if kind == "from" else environment.recipient
            local, _, domain = text.rpartition("@") if "@" in text else (text, "", "")
            shown = part(local, domain)
            if shown is not None:
                found.append(shown)
        return match(run, found)

    return test


def _exists(given: Given) -> TestFunction:
    names = given.texts(0)
    check_fields(given, names)
    raw = values_of(given, decoded=False)
    if not given.has("mime"):
        return lambda run: all(run.message.fields.has(name.lower()) for name in names(run))
    return lambda run: all(raw(run, (name,)) for name in names(run))


def _header(given: Given) -> TestFunction:
    names, match = given.texts(0), matcher(given, given.texts(1))
    check_fields(given, names)
    plain = not any(given.has(tag) for tag in HEADER_TAGS)
    if plain and names.constant is not None:
        lower = tuple(name.lower() for name in names.constant)
        keys = plain_keys(given, given.texts(1))
        if keys is not None:
            return _plain_header(lower, keys, is_whole=not given.has("contains"))
        return lambda run: match(run, [one for name in lower for one in run.message.fields.values(name)])
    values = values_of(given, decoded=True)
    return lambda run: match(run, values(run, names(run)))


def _plain_header(names: tuple[str, ...], keys: tuple[str, ...], *, is_whole: bool) -> TestFunction:
    """The test that most rules are made of: 0.6 µs; by ``matcher`` it takes 2 µs."""
    if is_whole:
        wanted = frozenset(keys)

        def is_one(run: Run) -> bool:
            fields = run.message.fields
            return any(not wanted.isdisjoint(fields.folded(name, ascii_casemap)) for name in names)

        return is_one

    def contains(run: Run) -> bool:
        fields = run.message.fields
        for name in names:
            for value in fields.folded(name, ascii_casemap):
                if len(value) > LONG_CHARACTERS:
                    if found_in_long(run, value, keys):
                        return True
                    continue
                for key in keys:
                    if key in value:
                        return True
        return False

    return contains


def _size(given: Given) -> TestFunction:
    limit = given.number(0)
    if not given.one_of("over", "under"):
        given.compiler.wrong(given.line, N_("“size” takes :over or :under"))
    if given.has("over"):
        return lambda run: run.message.size_octets > limit
    return lambda run: run.message.size_octets < limit


def _not(given: Given) -> TestFunction:
    [inner] = given.tests
    return lambda run: not inner(run)


def _allof(given: Given) -> TestFunction:
    tests = tuple(given.tests)

    def test(run: Run) -> bool:
        for one in tests:  # a loop, not all(): a third of the time
            if not one(run):
                break
        else:
            return True
        return False

    return test


def _anyof(given: Given) -> TestFunction:
    tests = tuple(given.tests)

    def test(run: Run) -> bool:
        for one in tests:
            if one(run):
                break
        else:
            return False
        return True

    return test


STRING_LIST: Final = Takes.STRINGS

COMMANDS: Final[dict[str, Usage]] = {
    "keep": Usage(_keep, tags={"flags": FLAGS_TAG}),
    "discard": Usage(_discard),
    "redirect": Usage(_redirect, (Takes.STRING,), {"copy": TagUsage(needs="copy")}),
    "fileinto": Usage(_fileinto, (Takes.STRING,), {**WHERE_TAGS, "copy": TagUsage(needs="copy")}, ("fileinto",)),
    "stop": Usage(_stop),
}

TESTS: Final[dict[str, Usage]] = {
    "address": Usage(_address, (STRING_LIST, STRING_LIST), {**MATCH_TAGS, **PART_TAGS, **HEADER_TAGS}),
    "envelope": Usage(_envelope, (STRING_LIST, STRING_LIST), {**MATCH_TAGS, **PART_TAGS}, ("envelope",)),
    "exists": Usage(_exists, (STRING_LIST,), {"mime": HEADER_TAGS["mime"], "anychild": HEADER_TAGS["anychild"]}),
    "header": Usage(_header, (STRING_LIST, STRING_LIST), {**MATCH_TAGS, **HEADER_TAGS}),
    "size": Usage(_size, (Takes.NUMBER,), {"over": TagUsage(group="size"), "under": TagUsage(group="size")}),
    "true": Usage(lambda _given: lambda _run: True),
    "false": Usage(lambda _given: lambda _run: False),
    "not": Usage(_not, tests=1),
    "allof": Usage(_allof, tests=None),
    "anyof": Usage(_anyof, tests=None),
}
