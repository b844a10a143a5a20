"""SPF: may this client send for this domain?  RFC 7208 §4 (check_host), §5, §6; IPv6 and UTF-8 names RFC 8616.

A check asks the DNS one question after the other, as the record has them, since what matches first decides.
Limits, all of them permerror (RFC 7208 §4.6.4, §11.1): 10 terms that ask, 2 of them without an answer, 10 hosts of an
mx; so one message costs at most 111 questions.  20 s altogether, then temperror.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from courriel.base.errors import FormatError
from courriel.base.networks import client_address
from courriel.formats import domain as domains
from courriel.mailauth import spf_macro, spf_record
from courriel.mailauth.spf_macro import MacroString
from courriel.mailauth.spf_record import LOOKUPS, All, Fault, Kind, Lookup, Network, Networks, Record, mask_of
from courriel.model.envelope import Address
from courriel.model.verdict import Result, SpfVerdict
from courriel.ports.resolver import Answer, DnsFailure, Resolver, Status

T = TypeVar("T")

VOIDS: Final = 2
"""``spf.voids``: terms whose question had no answer.  RFC 7208 §4.6.4."""

HOSTS: Final = 10
"""``spf.hosts``: hosts of one mx, names of one client address.  RFC 7208 §4.6.4."""

CHECK_S: Final = 20.0
"""``spf.check``: RFC 7208 §4.6.4 wants at least 20 s."""

EXPLANATION_CHARACTERS: Final = 400
"""``spf.explanation``: of the domain's text; a reply line has 512 octets (RFC 5321 §4.5.3.1.5)."""

POSTMASTER: Final = "postmaster"
"""For who has no local part.  RFC 7208 §4.3."""

_NAME: Final = re.compile(r"(?:[ -\-/-~]{1,63}\.)+[ -\-/-~]{1,63}")
_UNPRINTABLE: Final = re.compile(r"[^ -~]")


class Question(msgspec.Struct, frozen=True):
    """The arguments of check_host and what macros may ask for.  ``ip`` is an address without zone."""

    ip: str
    domain: str
    local: str
    helo: str
    scope: str
    receiver: str = "unknown"
    now: float = 0.0


def of_mail(ip: str, helo: str, reverse_path: Address, receiver: str, now: float) -> Question:
    """The MAIL FROM identity; of a report (``<>``) that is the name of the HELO.  RFC 7208 §2.4."""
    if reverse_path.is_null:
        return of_helo(ip, helo, receiver, now)
    return Question(ip, reverse_path.domain, reverse_path.local or POSTMASTER, helo, "mfrom", receiver, now)


def of_helo(ip: str, helo: str, receiver: str, now: float) -> Question:
    """The HELO identity.  RFC 7208 §2.3."""
    return Question(ip, helo, POSTMASTER, helo, "helo", receiver, now)


async def check(question: Question, resolver: Resolver) -> SpfVerdict:
    """The verdict; never raises for anything the DNS says or does not say."""
    try:
        asked = _Check(question, resolver)
    except FormatError as error:
        return SpfVerdict(Result.NONE, question.domain, question.scope, trace=(str(error),))
    try:
        async with asyncio.timeout(CHECK_S):
            result = await asked.run()
    except _Stop as stop:
        result = stop.result
        asked.note(f"{result.value}: {stop.reason}")
    except TimeoutError:
        result = Result.TEMPERROR
        asked.note("temperror: limit spf.check")
    return SpfVerdict(result, asked.domain, question.scope, asked.explanation, tuple(asked.trace))


class _Stop(Exception):
    """permerror or temperror: evaluation ends, however deep it is.  RFC 7208 §2.6.6–2.6.7."""

    def __init__(self, result: Result, reason: str) -> None:
        super().__init__(reason)
        self.result = result
        self.reason = reason


class _Check:
    """One check_host with all that is counted in it."""

    __slots__ = ("address", "domain", "explanation", "lookups", "names", "question", "resolver", "trace", "voids")

    def __init__(self, question: Question, resolver: Resolver) -> None:
        """Raises FormatError for a domain that nobody can ask for.  RFC 7208 §4.3."""
        self.question = question
        self.resolver = resolver
        self.domain = _domain(question.domain)
        try:
            self.address = client_address(question.ip)
        except ValueError:
            raise FormatError("client address", 0, "RFC 7208 §4.1") from None
        self.lookups = 0
        self.voids = 0
        self.names: Sequence[str] | None = None
        self.explanation = ""
        self.trace: list[str] = []

    def note(self, line: str) -> None:
        self.trace.append(line)

    async def run(self) -> Result:
        """check_host of the outermost domain; a redirect takes its place, with its explanation.  RFC 7208 §6."""
        domain = self.domain
        record = await self._record(domain)
        while record is not None:
            result = await self._terms(domain, record)
            if result is None and record.redirect is not None:
                domain = await self._redirect(domain, record.redirect)
                record = await self._record(domain)
                if record is None:
                    raise _Stop(Result.PERMERROR, f"redirect={domain}: no SPF record")
                continue
            if result is Result.FAIL and record.exp is not None:
                self.explanation = await self._explain(domain, record.exp)
            return result or Result.NEUTRAL
        return Result.NONE

    async def _redirect(self, domain: str, target: MacroString) -> str:
        self._count(f"redirect={target.text}")
        return await self._expand(target, domain)

    async def _record(self, domain: str) -> Record | None:
        """RFC 7208 §4.4–4.5."""
        answer = await self._ask_txt(domain)
        found = spf_record.find(answer.records) if answer is not None and answer.records else None
        if found is None:
            self.note(f"{domain}: no SPF record")
            return None
        if isinstance(found, Fault):
            raise _Stop(Result.PERMERROR, f"{domain}: {found.reason}")
        self.note(f"{domain}: {found.text}")
        return found

    async def _ask_txt(self, domain: str) -> Answer[bytes] | None:
        """None for what is no name."""
        if _NAME.fullmatch(domain) is None:
            return None
        try:
            return await self.resolver.txt(domain)
        except DnsFailure as failure:
            raise _Stop(Result.TEMPERROR, f"{domain}: {failure}") from None

    async def _terms(self, domain: str, record: Record) -> Result | None:
        """The result of the first mechanism that matches.  RFC 7208 §4.6.2."""
        version, number = self.address.version, int(self.address)
        for term in record.terms:
            found: All | Network | Lookup | None
            if isinstance(term, Networks):
                found = term.first(version, number)
            elif isinstance(term, Lookup):
                found = term if await self._matches(term, domain) else None
            else:
                found = term
            if found is not None:
                self.note(f"{found.text}: {found.result.value}")
                return found.result
        return None

    async def _matches(self, term: Lookup, domain: str) -> bool:
        self._count(term.text)
        target = domain if term.target is None else await self._expand(term.target, domain)
        if term.kind is Kind.INCLUDE:
            return await self._include(term, target)
        if term.kind is Kind.PTR:
            return await self._ptr(term, target)
        if _NAME.fullmatch(target) is None:  # what no name can be does not exist (RFC 7208 §4.8)
            self._void(term)
            return False
        try:
            if term.kind is Kind.A:
                answer = await self._addresses(target)
                self._count_void(term, answer)
                return self._among(term, answer.records)
            if term.kind is Kind.MX:
                return await self._mx(term, target)
            exists = await self.resolver.a(target)  # an A record, for IPv6 too (RFC 7208 §5.7)
        except DnsFailure as failure:
            raise _Stop(Result.TEMPERROR, f"{term.text}: {failure}") from None
        self._count_void(term, exists)
        return bool(exists.records)

    async def _include(self, term: Lookup, target: str) -> bool:
        """RFC 7208 §5.2; a redirect inside counts as the included record's own."""
        record = await self._record(target)
        while record is not None:
            result = await self._terms(target, record)
            if result is not None or record.redirect is None:
                return result is Result.PASS
            target = await self._redirect(target, record.redirect)
            record = await self._record(target)
        raise _Stop(Result.PERMERROR, f"{term.text}: {target} has no SPF record")

    async def _mx(self, term: Lookup, target: str) -> bool:
        """RFC 7208 §5.4.  The term is void once, however many of its hosts have no address of this kind."""
        answer = await self.resolver.mx(target)
        self._count_void(term, answer)
        for number, mx in enumerate(answer.records):
            if number == HOSTS:
                raise _Stop(Result.PERMERROR, f"{term.text}: limit spf.hosts")
            if _NAME.fullmatch(mx.host) and self._among(term, (await self._addresses(mx.host)).records):
                return True
        return False

    async def _ptr(self, term: Lookup, target: str) -> bool:
        """RFC 7208 §5.5: the client's names that lead back to it; what cannot be asked does not match."""
        wanted = target.lower()
        names = await self._client_names()
        if not names:
            self._void(term)
        for name in names:
            if (name == wanted or name.endswith(f".{wanted}")) and await self._leads_back(name):
                return True
        return False

    async def _client_names(self) -> Sequence[str]:
        if self.names is None:
            try:
                answer = await self.resolver.ptr(str(self.address))
                self.names = [name.lower().removesuffix(".") for name in answer.records[:HOSTS]]
            except DnsFailure:
                self.names = ()
        return self.names

    async def _leads_back(self, name: str) -> bool:
        if _NAME.fullmatch(name) is None:
            return False
        try:
            found = (await self._addresses(name)).records
        except DnsFailure:
            return False
        return any(client_address(text) == self.address for text in found)

    async def _addresses(self, name: str) -> Answer[str]:
        return await (self.resolver.a(name) if self.address.version == 4 else self.resolver.aaaa(name))

    def _among(self, term: Lookup, found: Sequence[str]) -> bool:
        if not found:
            return False
        bits = self.address.max_prefixlen
        mask = mask_of(term.prefix4 if bits == 32 else term.prefix6, bits)
        wanted = int(self.address) & mask
        return any(int(client_address(text)) & mask == wanted for text in found)

    # --- limits -----------------------------------------------------------------------------------------------
    def _count(self, text: str) -> None:
        self.lookups += 1
        if self.lookups > LOOKUPS:
            raise _Stop(Result.PERMERROR, f"{text}: limit spf.lookups")

    def _count_void(self, term: Lookup, answer: Answer[T]) -> None:
        if answer.status is not Status.FOUND or not answer.records:
            self._void(term)

    def _void(self, term: Lookup) -> None:
        self.note(f"{term.text}: no answer")
        self.voids += 1
        if self.voids > VOIDS:
            raise _Stop(Result.PERMERROR, f"{term.text}: limit spf.voids")

    # --- macros -----------------------------------------------------------------------------------------------
    async def _expand(self, macro: MacroString, domain: str) -> str:
        """A name to ask for; one with UTF-8 in it exists nowhere (RFC 8616 §4)."""
        if macro.constant is not None:
            return spf_macro.shorten(macro.constant)
        return spf_macro.shorten(spf_macro.expand(macro, await self._values(macro, domain)))

    async def _values(self, macro: MacroString, domain: str) -> Mapping[str, str]:
        """RFC 7208 §7.2."""
        asked, address = self.question, self.address
        return {
            "s": f"{asked.local}@{self.domain}",
            "l": asked.local,
            "o": self.domain,
            "d": domain,
            "i": str(address) if address.version == 4 else ".".join(address.exploded.replace(":", "")).upper(),
            "c": str(address),
            "v": "in-addr" if address.version == 4 else "ip6",
            "h": asked.helo,
            "r": asked.receiver,
            "t": str(int(asked.now)),
            "p": await self._validated_name(domain) if "p" in macro.letters else "",
        }

    async def _validated_name(self, domain: str) -> str:
        """The domain itself, else a name below it, else any.  RFC 7208 §7.3."""
        names = [name for name in await self._client_names() if await self._leads_back(name)]
        below = [name for name in names if name.endswith(f".{domain}")]
        return domain if domain in names else (below or names or ["unknown"])[0]

    async def _explain(self, domain: str, exp: MacroString) -> str:
        """The domain's text for a fail; "" where none can be had.  RFC 7208 §6.2."""
        name = await self._expand(exp, domain)
        if _NAME.fullmatch(name) is None:
            return ""
        try:
            answer = await self.resolver.txt(name)
            if len(answer.records) != 1:
                return ""
            text = spf_macro.parse_macro(answer.records[0].decode("ascii"), explanation=True)
        except (DnsFailure, UnicodeDecodeError, FormatError):
            return ""
        return _UNPRINTABLE.sub("?", spf_macro.expand(text, await self._values(text, domain)))[:EXPLANATION_CHARACTERS]


def _domain(text: str) -> str:
    """A name of two labels or more, A-labels, lower case.  Raises FormatError."""
    name = text if text.isascii() else domains.normalise(text)
    name = name.lower().removesuffix(".")
    if len(name) > spf_macro.NAME_OCTETS or _NAME.fullmatch(name) is None or domains.is_literal(name):
        raise FormatError("domain", 0, "a domain name of two labels or more is wanted (RFC 7208 §4.3)")
    return name
