"""DMARC: is the domain in From the one that was proven, and what does its owner want done otherwise?  RFC 9989.

The walk up the tree of names (§4.10) takes the place of lists of public suffixes: at most 8 questions a name, answers
shared within one message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from courriel.base.errors import FormatError
from courriel.formats import domain as domains
from courriel.mailauth import dmarc_record
from courriel.mailauth.dmarc_record import POLICIES, Policy
from courriel.model.verdict import DkimVerdict, DmarcVerdict, Result, SpfVerdict
from courriel.ports.resolver import DnsFailure, Resolver, Status

JUDGE_S: Final = 30.0
"""``dmarc.judge``: for all questions about one message; the client waits for its answer meanwhile."""

LABELS: Final = 8
"""``dmarc.labels``: of a name with more, the walk leaves out the middle.  RFC 9989 §4.10."""

AUTHORS: Final = 4
"""``dmarc.authors``: domains in one From that are judged; ordinary mail has one."""

_SEVERITY: Final = {
    Result.PASS: 0,
    Result.NONE: 1,
    Result.FAIL: 2,
    Result.TEMPERROR: 3,
    Result.PERMERROR: 4,
}


async def judge(
    authors: Sequence[str], spf: SpfVerdict | None, dkims: Sequence[DkimVerdict], resolver: Resolver
) -> DmarcVerdict:
    """The verdict on a message by the domains of its From; of several the worst counts (RFC 9989 §11.5).

    ``spf`` is that of MAIL FROM, or of HELO for the null reverse-path.
    """
    names: list[str] = []
    for author in authors:
        try:
            names.append(_normal(author))
        except FormatError as error:
            return DmarcVerdict(Result.PERMERROR, author, "", "none", f"From: {error.rule}")
    names = list(dict.fromkeys(names))
    if not 0 < len(names) <= AUTHORS:
        return DmarcVerdict(Result.PERMERROR, "", "", "none", "no author" if not names else "limit dmarc.authors")
    tree = _Tree(resolver)
    try:
        async with asyncio.timeout(JUDGE_S):
            verdicts = [await _of_author(name, spf, dkims, tree) for name in names]
    except TimeoutError:
        return DmarcVerdict(Result.TEMPERROR, names[0], "", "none", "limit dmarc.judge")
    return max(verdicts, key=lambda one: (_SEVERITY[one.result], _rank(one.disposition)))


async def same_organization(name: str, other: str, resolver: Resolver) -> bool:
    """Whether the organizational domains of two names are one.  RFC 9989 §4.10.2.  Raises DnsFailure."""
    tree = _Tree(resolver)
    ours, theirs = await tree.walk(name), await tree.walk(other)
    if failure := ours.failure or theirs.failure:
        raise DnsFailure(failure)
    return ours.org == theirs.org


def _rank(policy: str) -> int:
    return POLICIES.index(policy) if policy in POLICIES else -1


async def _of_author(author: str, spf: SpfVerdict | None, dkims: Sequence[DkimVerdict], tree: _Tree) -> DmarcVerdict:
    walk = await tree.walk(author)
    found = walk.policy_for(author)
    if found is None or found.p is None:
        if walk.failure:
            return DmarcVerdict(Result.TEMPERROR, author, "", "none", walk.failure, walk.org)
        return DmarcVerdict(Result.NONE, author, "", "none", "", walk.org)
    own = walk.records.get(author) is found
    policy = found.p if own else await tree.below(author, found)
    reason = ""
    if found.testing and policy != "none":
        policy, reason = POLICIES[POLICIES.index(policy) - 1], f"t=y instead of {policy}"
    aligned = _Alignment(author, walk, tree)
    spf_aligned = spf is not None and await aligned.passes(spf.result, spf.domain, found.strict_spf)
    dkim_aligned = False
    for dkim in dkims:
        dkim_aligned = dkim_aligned or await aligned.passes(dkim.result, dkim.domain, found.strict_dkim)
    result = Result.PASS if spf_aligned or dkim_aligned else Result.TEMPERROR if aligned.unsure else Result.FAIL
    disposition = policy if result is Result.FAIL else "none"
    reason = aligned.unsure if result is Result.TEMPERROR else reason
    return DmarcVerdict(
        *(result, author, policy, disposition, reason, walk.org, spf_aligned, dkim_aligned),
        *(walk.name_of(found), found.rua, found.ruf, found.fo),
    )


class _Alignment:
    """Whether identifiers belong to the author's organization.  RFC 9989 §4.4, §4.10.2.

    ``unsure`` says what could not be found out, and might have made it pass.
    """

    def __init__(self, author: str, walk: _Walk, tree: _Tree) -> None:
        self._author = author
        self._walk = walk
        self._tree = tree
        self.unsure = ""

    async def passes(self, result: Result, identifier: str, strict: bool) -> bool:
        if result not in (Result.PASS, Result.TEMPERROR):
            return False
        try:
            name = _normal(identifier)
        except FormatError:
            return False
        if not (name == self._author or (not strict and await self._same_organization(name))):
            return False
        if result is Result.TEMPERROR:
            self.unsure = self.unsure or f"{name} could not be checked"
        return result is Result.PASS

    async def _same_organization(self, name: str) -> bool:
        ours = self._walk
        if not _within(name, _last(ours.org, 2) if ours.failure else ours.org):
            return False  # no walk from there could end where ours did
        theirs = await self._tree.walk(name)
        failure = ours.failure or theirs.failure
        if failure:
            self.unsure = self.unsure or failure
            return False
        return theirs.org == ours.org


class _Walk(msgspec.Struct, frozen=True):
    """What lies on the way up from a name: ``records`` by name, longest first; ``org`` the organizational domain.

    ``failure``: the walk could not be finished; ``records`` are those found until then.
    """

    records: dict[str, Policy]
    org: str
    psd: str
    failure: str = ""

    def policy_for(self, author: str) -> Policy | None:
        """The author's own, its organization's, or that of the public suffix above.  RFC 9989 §4.10.1."""
        return self.records.get(author) or self.records.get(self.org) or self.records.get(self.psd)

    def name_of(self, policy: Policy) -> str:
        return next(name for name, record in self.records.items() if record is policy)


class _Tree:
    """The names asked about for one message."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._known: dict[str, Policy | None] = {}
        self._walks: dict[str, _Walk] = {}

    async def walk(self, start: str) -> _Walk:
        walk = self._walks.get(start)
        if walk is None:
            walk = self._walks[start] = await self._walk(start)
        return walk

    async def _walk(self, start: str) -> _Walk:
        """RFC 9989 §4.10: up to a psd=n, or a psd=y that is not the start's own, or the top."""
        records: dict[str, Policy] = {}
        for name in _upwards(start):
            try:
                record = await self._record(name)
            except DnsFailure as failure:
                return _Walk(records, start, "", f"_dmarc.{name}: {failure}")
            if record is not None:
                records[name] = record
                if record.psd == "n":
                    return _Walk(records, name, "")
                if record.psd == "y" and name != start:
                    return _Walk(records, _last(start, name.count(".") + 2), name)
        return _Walk(records, next(reversed(records), start), "")

    async def _record(self, name: str) -> Policy | None:
        if name not in self._known:
            answer = await self._resolver.txt(f"_dmarc.{name}")
            self._known[name] = dmarc_record.find(answer.records) if answer.records else None
        return self._known[name]

    async def below(self, author: str, found: Policy) -> str:
        """sp, or np for a name that does not exist; where that cannot be found out it is taken to exist."""
        if found.sp == found.np:
            return found.sp
        try:
            answer = await self._resolver.a(author)
        except DnsFailure:
            return found.sp
        # An alias makes a name exist, wherever it leads (RFC 8020 §2).
        return found.np if answer.status is Status.NO_NAME and answer.name == author else found.sp


def _within(name: str, parent: str) -> bool:
    return name == parent or name.endswith(f".{parent}")


def _upwards(start: str) -> Iterator[str]:
    """The name, then its last 7 labels at most, down to one."""
    yield start
    for labels in range(min(start.count("."), LABELS - 1), 0, -1):
        yield _last(start, labels)


def _last(name: str, labels: int) -> str:
    return ".".join(name.split(".")[-labels:])


def _normal(name: str) -> str:
    """A-labels, lower case, no final dot.  Raises FormatError."""
    if not name.isascii():
        return domains.normalise(name)
    return name.lower().removesuffix(".")
