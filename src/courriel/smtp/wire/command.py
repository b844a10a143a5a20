"""Command lines and the values they mean, one parser a verb.  RFC 5321 §4.1.1 and the extensions named below.

Pure: what a command is about is decided here, whether it may come now in ``session``, what it does in ``commands``.
A line comes without its CRLF.  Verbs and keywords are read without case (RFC 5321 §2.4), trailing blanks are
tolerated (§4.1.1), one or more blanks after ``FROM:`` and ``TO:`` too (quirk: many scripts write them).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import msgspec

from courriel.base.errors import FormatError
from courriel.formats.path import Path, parse_path
from courriel.model.envelope import Address, Body
from courriel.model.wishes import NO_WISHES, Wishes
from courriel.smtp.wire import parameters
from courriel.smtp.wire.faults import BadArgument, BadChunk, BadRecipient, BadSender, NotOurLanguage, UnknownVerb


class Hello(msgspec.Struct, frozen=True):
    """HELO, EHLO or LHLO.  RFC 5321 §4.1.1.1, RFC 2033 §4.1.  ``verb`` in capitals."""

    verb: bytes
    name: str


class Mail(msgspec.Struct, frozen=True):
    """MAIL FROM.  RFC 5321 §4.1.1.2; SIZE RFC 1870, BODY RFC 6152, SMTPUTF8 RFC 6531, RET and ENVID RFC 3461.

    ``wishes``: HOLDFOR and HOLDUNTIL RFC 4865, BY RFC 2852, MT-PRIORITY RFC 6710, REQUIRETLS RFC 8689.
    """

    reverse_path: Address
    size_octets: int | None = None
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    ret: str | None = None
    envid: str | None = None
    wishes: Wishes = NO_WISHES


class Rcpt(msgspec.Struct, frozen=True):
    """RCPT TO.  RFC 5321 §4.1.1.3; NOTIFY and ORCPT RFC 3461 §4.1–4.2."""

    forward_path: Address
    notify: frozenset[str] | None = None
    original: str | None = None


class Data(msgspec.Struct, frozen=True):
    """DATA.  RFC 5321 §4.1.1.4."""


class Bdat(msgspec.Struct, frozen=True):
    """BDAT size [LAST].  RFC 3030 §2."""

    octets: int
    last: bool


class Rset(msgspec.Struct, frozen=True):
    """RSET.  RFC 5321 §4.1.1.5."""


class Noop(msgspec.Struct, frozen=True):
    """NOOP.  RFC 5321 §4.1.1.9."""


class Quit(msgspec.Struct, frozen=True):
    """QUIT.  RFC 5321 §4.1.1.10."""


class Vrfy(msgspec.Struct, frozen=True):
    """VRFY.  RFC 5321 §4.1.1.6."""


class Expn(msgspec.Struct, frozen=True):
    """EXPN.  RFC 5321 §4.1.1.7."""


class Help(msgspec.Struct, frozen=True):
    """HELP.  RFC 5321 §4.1.1.8."""


class StartTls(msgspec.Struct, frozen=True):
    """STARTTLS.  RFC 3207 §4."""


class Auth(msgspec.Struct, frozen=True):
    """AUTH mechanism [initial-response].  RFC 4954 §4.  ``initial`` is as written, base64 or "="."""

    mechanism: str
    initial: bytes | None


Command = Hello | Mail | Rcpt | Data | Bdat | Rset | Noop | Quit | Vrfy | Expn | Help | StartTls | Auth

_HELLO_NAME: Final = re.compile(rb"[!-~\x80-\xff]{1,255}")
_MECHANISM: Final = re.compile(rb"[A-Za-z0-9_-]{1,20}")
_INITIAL: Final = re.compile(rb"[A-Za-z0-9+/]*+={0,2}")
_PATH: Final = re.compile(rb"<(?>(?:\"(?>(?:[^\"\\]++|\\.)*)\"|[^\">]++)*)>")
_CHUNK_DIGITS: Final = 20
"""RFC 3030 §2 gives no bound; RFC 1870 §3 has 20 digits for the same number."""

_WISH_WORDS: Final = frozenset({b"HOLDFOR", b"HOLDUNTIL", b"BY", b"MT-PRIORITY", b"REQUIRETLS"})
_MAIL_WORDS: Final = frozenset({b"SIZE", b"BODY", b"SMTPUTF8", b"RET", b"ENVID", b"AUTH"}) | _WISH_WORDS
_RCPT_WORDS: Final = frozenset({b"NOTIFY", b"ORCPT"})


def parse(line: bytes, *, smtputf8: bool = False) -> Command:
    """One command.  ``smtputf8``: this transaction takes UTF-8 in forward-paths (RFC 6531 §3.4).

    Raises a CommandFault.
    """
    verb, _, rest = line.partition(b" ")
    parser = PARSERS.get(verb) or PARSERS.get(verb.rstrip(b"\t").upper())
    if parser is None:
        if verb.upper() in _HTTP_METHODS or line.startswith(b"\x16\x03"):
            raise NotOurLanguage
        raise UnknownVerb
    return parser(rest.strip(b" \t"), smtputf8)


_HTTP_METHODS: Final = frozenset(
    {b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH", b"PRI"}
)
"""RFC 9110 §9.1, and HTTP/2's preface (RFC 9113 §3.4)."""


def _hello(verb: bytes) -> Callable[[bytes, bool], Hello]:
    def parse_hello(rest: bytes, _smtputf8: bool) -> Hello:
        """``"EHLO" SP ( Domain / address-literal ) CRLF``; names are not judged, they prove nothing (§4.1.4)."""
        if _HELLO_NAME.fullmatch(rest) is None:
            raise BadArgument("a name is wanted (RFC 5321 §4.1.1.1)")
        return Hello(verb, rest.decode("utf-8", "replace"))

    return parse_hello


def parse_mail(rest: bytes, _smtputf8: bool) -> Mail:
    """``"MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF``."""
    if rest[:5].upper() != b"FROM:":
        raise BadArgument('"FROM:" is wanted (RFC 5321 §4.1.1.2)')
    raw_path, raw_words = _split_path(rest[5:].lstrip(b" "), BadSender)
    if not raw_words:
        return Mail(_address(raw_path, False, BadSender))
    words = parameters.split(raw_words, _MAIL_WORDS)
    smtputf8 = b"SMTPUTF8" in words
    if smtputf8 and words[b"SMTPUTF8"] is not None:
        raise BadArgument("SMTPUTF8 has no value (RFC 6531 §3.4)")
    if b"AUTH" in words:
        parameters.check_auth(words[b"AUTH"])
    return Mail(
        _address(raw_path, smtputf8, BadSender),
        parameters.read_size(words[b"SIZE"]) if b"SIZE" in words else None,
        parameters.read_body(words[b"BODY"]) if b"BODY" in words else Body.SEVEN_BIT,
        smtputf8,
        parameters.read_ret(words[b"RET"]) if b"RET" in words else None,
        parameters.read_envid(words[b"ENVID"]) if b"ENVID" in words else None,
        NO_WISHES if _WISH_WORDS.isdisjoint(words) else parameters.read_wishes(words),
    )


def parse_rcpt(rest: bytes, smtputf8: bool) -> Rcpt:
    """``"RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) [SP Rcpt-parameters] CRLF``."""
    if rest[:3].upper() != b"TO:":
        raise BadArgument('"TO:" is wanted (RFC 5321 §4.1.1.3)')
    raw_path, raw_words = _split_path(rest[3:].lstrip(b" "), BadRecipient)
    address = _address(raw_path, smtputf8, BadRecipient)
    if address.is_null:
        raise BadRecipient("<> is no forward-path")
    if not raw_words:
        return Rcpt(address)
    words = parameters.split(raw_words, _RCPT_WORDS, smtputf8=smtputf8)
    return Rcpt(
        address,
        parameters.read_notify(words[b"NOTIFY"]) if b"NOTIFY" in words else None,
        parameters.read_orcpt(words[b"ORCPT"], smtputf8=smtputf8) if b"ORCPT" in words else None,
    )


def _split_path(raw: bytes, fault: type[BadSender] | type[BadRecipient]) -> tuple[bytes, bytes]:
    """The path with its brackets, and the parameters behind it."""
    if b'"' not in raw:
        end = raw.find(b">") + 1
    else:
        match = _PATH.match(raw)
        end = match.end() if match is not None else 0
    if not end or not raw.startswith(b"<"):
        raise fault("<address> is wanted (RFC 5321 §4.1.2)")
    if end < len(raw) and raw[end] not in b" \t":
        raise fault("a blank is wanted after > (RFC 5321 §4.1.2)")
    return raw[:end], raw[end:]


@lru_cache(maxsize=4_096)  # the same people write and are written to: 0.1 µs instead of 5; at most some 2 MB
def _address(raw: bytes, smtputf8: bool, fault: type[BadSender] | type[BadRecipient]) -> Address:
    try:
        path: Path = parse_path(raw, smtputf8=smtputf8)
    except FormatError as error:
        raise fault(error.rule, error.offset) from None
    if not path.domain and path.local and fault is BadSender:
        raise fault("only RCPT takes <Postmaster> (RFC 5321 §4.1.1.3)")
    return Address(path.local, path.domain)


def parse_bdat(rest: bytes, _smtputf8: bool) -> Bdat:
    """``bdat-cmd = "BDAT" SP chunk-size [SP "LAST"] CR LF``  (RFC 3030 §2)."""
    size, _, tail = rest.partition(b" ")
    last = tail.lstrip(b" ").upper()
    if not size.isdigit() or len(size) > _CHUNK_DIGITS or last not in (b"", b"LAST"):
        raise BadChunk("chunk-size (RFC 3030 §2)")
    return Bdat(int(size), bool(last))


def parse_auth(rest: bytes, _smtputf8: bool) -> Auth:
    """``"AUTH" SP sasl-mech [SP initial-response] *(CRLF [base64]) CRLF``  (RFC 4954 §8)."""
    mechanism, space, initial = rest.partition(b" ")
    if _MECHANISM.fullmatch(mechanism) is None or _INITIAL.fullmatch(initial) is None or (space and not initial):
        raise BadArgument("mechanism and base64 (RFC 4954 §8)")
    return Auth(mechanism.decode("ascii").upper(), initial if space else None)


def _bare(command: Command, rule: str) -> Callable[[bytes, bool], Command]:
    def parse_bare(rest: bytes, _smtputf8: bool) -> Command:
        if rest:
            raise BadArgument(rule)
        return command

    return parse_bare


def _any_argument(command: Command) -> Callable[[bytes, bool], Command]:
    return lambda _rest, _smtputf8: command


def _with_argument(command: Command, rule: str) -> Callable[[bytes, bool], Command]:
    def parse_with(rest: bytes, _smtputf8: bool) -> Command:
        if not rest:
            raise BadArgument(rule)
        return command

    return parse_with


PARSERS: Final[dict[bytes, Callable[[bytes, bool], Command]]] = {
    b"HELO": _hello(b"HELO"),
    b"EHLO": _hello(b"EHLO"),
    b"LHLO": _hello(b"LHLO"),
    b"MAIL": parse_mail,
    b"RCPT": parse_rcpt,
    b"DATA": _bare(Data(), "DATA stands alone (RFC 5321 §4.1.1.4)"),
    b"BDAT": parse_bdat,
    b"RSET": _bare(Rset(), "RSET stands alone (RFC 5321 §4.1.1.5)"),
    b"NOOP": _any_argument(Noop()),
    b"QUIT": _bare(Quit(), "QUIT stands alone (RFC 5321 §4.1.1.10)"),
    b"VRFY": _with_argument(Vrfy(), "a name is wanted (RFC 5321 §4.1.1.6)"),
    b"EXPN": _with_argument(Expn(), "a list is wanted (RFC 5321 §4.1.1.7)"),
    b"HELP": _any_argument(Help()),
    b"STARTTLS": _bare(StartTls(), "STARTTLS stands alone (RFC 3207 §4)"),
    b"AUTH": parse_auth,
}
"""Every verb; the index of this module."""
