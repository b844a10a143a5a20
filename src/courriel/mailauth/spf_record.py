"""SPF records: which TXT record is one, its grammar, and its terms as values.  RFC 7208 §4.5–4.6, §5, §6, §12.

    record    = "v=spf1" *( 1*SP ( directive / modifier ) ) *SP
    directive = [ "+" / "-" / "?" / "~" ] mechanism
    modifier  = "redirect=" domain-spec / "exp=" domain-spec / name "=" macro-string

Pure.  A fault anywhere makes the record a fault, wherever evaluation would have ended (§4.6).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from functools import lru_cache
from typing import Final, TypeAlias

import msgspec

from courriel.base.errors import FormatError
from courriel.mailauth.spf_macro import MacroString, parse_domain_spec, parse_macro
from courriel.model.verdict import Result

LOOKUPS: Final = 10
"""``spf.lookups``: terms of one check that ask the DNS.  RFC 7208 §4.6.4."""

RECORD_OCTETS: Final = 16_384
"""``spf.record_octets``: a longer record is a fault.  RFC 7208 §3.4 would have 450, the longest of big senders stay
below 4,096."""

CACHE_RECORDS: Final = 256
"""``spf.cache_records``: sets of TXT records kept parsed; 75 networks take 30 KB."""

CACHED_OCTETS: Final = 4_096
"""``spf.cached_octets``: longer records are parsed each time, so that nobody fills our memory."""

_IS_SPF: Final = re.compile(rb"v=spf1(?: |\Z)", re.IGNORECASE)
_MODIFIER: Final = re.compile(r"([a-z][a-z0-9_.-]*+)=(.*)", re.IGNORECASE)
_MECHANISM: Final = re.compile(r"([-+?~]?)([a-z0-9]++)(.*)", re.IGNORECASE)
_CIDR: Final = re.compile(r"(.*?)(?:/(0|[1-9][0-9]?))?(?://(0|[1-9][0-9]{0,2}))?\Z")
_QUALIFIERS: Final = {
    "": Result.PASS,
    "+": Result.PASS,
    "-": Result.FAIL,
    "~": Result.SOFTFAIL,
    "?": Result.NEUTRAL,
}


class Kind(Enum):
    """The mechanisms that ask the DNS.  RFC 7208 §5."""

    INCLUDE = "include"
    A = "a"
    MX = "mx"
    PTR = "ptr"
    EXISTS = "exists"


class All(msgspec.Struct, frozen=True):
    """RFC 7208 §5.1."""

    result: Result
    text: str


class Network(msgspec.Struct, frozen=True, gc=False):
    """ip4 and ip6: matches where ``address & mask == network``.  RFC 7208 §5.6."""

    result: Result
    text: str
    version: int
    network: int
    mask: int


class Networks(msgspec.Struct, frozen=True):
    """Networks one after another, by version and mask: 75 of them are as many looks as they have masks."""

    tables: dict[int, tuple[tuple[int, dict[int, tuple[int, Network]]], ...]]

    @classmethod
    def of(cls, networks: Sequence[Network]) -> Networks:
        tables: dict[int, dict[int, dict[int, tuple[int, Network]]]] = {}
        for place, one in enumerate(networks):
            tables.setdefault(one.version, {}).setdefault(one.mask, {}).setdefault(one.network, (place, one))
        return cls({version: tuple(masks.items()) for version, masks in tables.items()})

    def first(self, version: int, address: int) -> Network | None:
        """The first of them that the address is in."""
        best: tuple[int, Network] | None = None
        for mask, found in self.tables.get(version, ()):
            hit = found.get(address & mask)
            if hit is not None and (best is None or hit[0] < best[0]):
                best = hit
        return None if best is None else best[1]


class Lookup(msgspec.Struct, frozen=True):
    """Everything that asks.  ``target`` None: the current domain; lengths of prefixes for a and mx."""

    result: Result
    text: str
    kind: Kind
    target: MacroString | None
    prefix4: int = 32
    prefix6: int = 128


Term: TypeAlias = All | Networks | Lookup


class Record(msgspec.Struct, frozen=True):
    """A record.  Terms that can never be reached (behind "all", past the limit of look-ups) are left out."""

    text: str
    terms: tuple[Term, ...]
    redirect: MacroString | None
    exp: MacroString | None


class Fault(msgspec.Struct, frozen=True):
    """Why there is no usable record: permerror."""

    reason: str


def find(records: tuple[bytes, ...]) -> Record | Fault | None:
    """The SPF record among a name's TXT records, None where there is none.  RFC 7208 §4.5; remembered."""
    if sum(map(len, records)) > CACHED_OCTETS:
        return _find(records)
    return _find_cached(records)


def _find(records: tuple[bytes, ...]) -> Record | Fault | None:
    found = [record for record in records if _IS_SPF.match(record)]
    if not found:
        return None
    if len(found) > 1:
        return Fault("more than one SPF record")
    try:
        return parse(found[0])
    except FormatError as error:
        return Fault(f"{error.what}: {error.rule}")


_find_cached = lru_cache(maxsize=CACHE_RECORDS)(_find)


def parse(raw: bytes) -> Record:
    """One record with its version.  Raises FormatError, naming the term."""
    if len(raw) > RECORD_OCTETS:
        raise FormatError("record", RECORD_OCTETS, "limit spf.record_octets")
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError as error:
        raise FormatError("record", error.start, "not US-ASCII") from None
    if _IS_SPF.match(raw) is None:
        raise FormatError("record", 0, "v=spf1")
    terms: list[All | Network | Lookup] = []
    modifiers: dict[str, MacroString] = {}
    lookups, reachable = 0, True
    for word in text[len("v=spf1") :].split(" "):
        if not word:
            continue
        modifier = _MODIFIER.fullmatch(word)
        if modifier is not None:
            _add_modifier(modifiers, modifier[1].lower(), modifier[2], word)
            continue
        term = _mechanism(word)
        if reachable:
            terms.append(term)
            lookups += isinstance(term, Lookup)
            reachable = not isinstance(term, All) and lookups <= LOOKUPS
    return Record(text, tuple(_grouped(terms)), modifiers.get("redirect"), modifiers.get("exp"))


def _grouped(terms: Sequence[All | Network | Lookup]) -> Iterator[Term]:
    run: list[Network] = []
    for term in terms:
        if isinstance(term, Network):
            run.append(term)
            continue
        if run:
            yield Networks.of(run)
            run = []
        yield term
    if run:
        yield Networks.of(run)


def _add_modifier(modifiers: dict[str, MacroString], name: str, value: str, word: str) -> None:
    """redirect and exp once each (RFC 7208 §6); others must be well formed and mean nothing."""
    try:
        if name not in ("redirect", "exp"):
            parse_macro(value)
            return
        if name in modifiers:
            raise FormatError("", 0, "twice")
        modifiers[name] = parse_domain_spec(value)
    except FormatError as error:
        raise FormatError(_shown(word), error.offset, error.rule) from None


def _mechanism(word: str) -> All | Network | Lookup:
    match = _MECHANISM.fullmatch(word)
    reader = _READERS.get(match[2].lower()) if match is not None else None
    if match is None or reader is None:
        raise FormatError(_shown(word), 0, "no such mechanism")
    try:
        return reader(_QUALIFIERS[match[1]], word, match[3])
    except FormatError as error:
        raise FormatError(_shown(word), error.offset, error.rule) from None


def _shown(word: str) -> str:
    return word if len(word) <= 80 else f"{word[:80]}…"


def _all(result: Result, word: str, rest: str) -> All:
    if rest:
        raise FormatError("all", 0, "RFC 7208 §5.1")
    return All(result, word)


def _ip4(result: Result, word: str, rest: str) -> Network:
    address, slash, length = _after_colon(rest).partition("/")
    return _network(result, word, ipaddress.IPv4Address, address, _length(slash, length, 32))


def _ip6(result: Result, word: str, rest: str) -> Network:
    address, slash, length = _after_colon(rest).partition("/")
    if "%" in address:
        raise FormatError("ip6", 0, "RFC 7208 §5.6")
    return _network(result, word, ipaddress.IPv6Address, address, _length(slash, length, 128))


def _network(
    result: Result,
    word: str,
    kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address],
    text: str,
    length: int,
) -> Network:
    try:
        address = kind(text)
    except ValueError:
        raise FormatError("address", 0, "RFC 7208 §5.6") from None
    mask = mask_of(length, address.max_prefixlen)
    return Network(result, word, address.version, int(address) & mask, mask)


def mask_of(length: int, bits: int) -> int:
    """A network mask as a number."""
    return (1 << bits) - (1 << bits - length)


_LENGTH: Final = re.compile(r"0|[1-9][0-9]{0,2}")


def _length(slash: str, text: str, bits: int) -> int:
    if not slash:
        return bits
    if _LENGTH.fullmatch(text) is None or int(text) > bits:
        raise FormatError("prefix length", 0, "RFC 7208 §5.6")
    return int(text)


def _after_colon(rest: str) -> str:
    if not rest.startswith(":"):
        raise FormatError("mechanism", 0, "a colon is wanted")
    return rest[1:]


def _needs_target(kind: Kind) -> Callable[[Result, str, str], Lookup]:
    """include and exists.  RFC 7208 §5.2, §5.7."""

    def read(result: Result, word: str, rest: str) -> Lookup:
        return Lookup(result, word, kind, parse_domain_spec(_after_colon(rest)))

    return read


def _ptr(result: Result, word: str, rest: str) -> Lookup:
    """RFC 7208 §5.5."""
    return Lookup(result, word, Kind.PTR, parse_domain_spec(_after_colon(rest)) if rest else None)


def _hosts(kind: Kind) -> Callable[[Result, str, str], Lookup]:
    """a and mx, with their two prefix lengths.  RFC 7208 §5.3, §5.4."""

    def read(result: Result, word: str, rest: str) -> Lookup:
        match = _CIDR.fullmatch(rest)
        assert match is not None  # every text has this shape
        domain, four, six = match.groups()
        prefix4, prefix6 = int(four or 32), int(six or 128)
        if prefix4 > 32 or prefix6 > 128:
            raise FormatError("prefix length", 0, "RFC 7208 §5.6")
        target = parse_domain_spec(_after_colon(domain)) if domain else None
        return Lookup(result, word, kind, target, prefix4, prefix6)

    return read


_READERS: Final[dict[str, Callable[[Result, str, str], All | Network | Lookup]]] = {
    "all": _all,
    "include": _needs_target(Kind.INCLUDE),
    "a": _hosts(Kind.A),
    "mx": _hosts(Kind.MX),
    "ptr": _ptr,
    "ip4": _ip4,
    "ip6": _ip6,
    "exists": _needs_target(Kind.EXISTS),
}
