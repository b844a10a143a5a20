"""DKIM signatures of a message, judged.  RFC 6376 §6.1, RFC 8301, RFC 8463; results RFC 8601 §2.7.1.

    pass       holds, and covers all that is shown
    policy     holds, but leaves out what is shown: text past l=, a second From
    fail       the message is not what was signed
    permerror  the signature or its key cannot be used: RFC 6376 §6.1's PERMFAIL
    temperror  the DNS gave no answer

One verdict a signature, in the order of the header; none for a message without.  A verdict ``testing`` (t=y of the
key) is worth no more than no signature (RFC 6376 §3.6.1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from itertools import islice
from typing import Final

import msgspec

from courriel.base.errors import FormatError
from courriel.formats.header import HeaderBlock, split_block
from courriel.formats.message.canonical_header import FieldPicker, RawField
from courriel.mailauth.dkim_check import ALGORITHMS, BodyWish, hash_bodies, is_signed, signed_octets
from courriel.mailauth.dkim_key import RSA_BITS, DkimKey, first_key, unfit
from courriel.mailauth.dkim_signature import Signature, parse_signature
from courriel.mailauth.replay import Replays
from courriel.model.verdict import DkimVerdict, Result
from courriel.ports.resolver import DnsFailure, Resolver

__all__ = ["KEYS_S", "LONG_OCTETS", "SIGNATURES", "Keys", "key_name", "look_up_keys", "verify"]

SIGNATURES: Final = 10
"""``dkim.signatures``: judged of one message, the uppermost first; RFC 6376 §8.4 asks for a bound."""
KEYS_S: Final = 5.0
"""``dkim.keys_s``: for all keys of a message together; slow zones are attack row 15."""
LONG_OCTETS: Final = 1_048_576
"""From here a body is hashed in a thread: 50 MB take 150 ms, in which others want to be served too."""

FIELD: Final = b"dkim-signature"

Keys = dict[str, "DkimKey | FormatError | DnsFailure"]
"""What was found at each name."""


class _Found(msgspec.Struct, frozen=True):
    """One field: its raw form, and what it says or why it says nothing."""

    field: RawField
    signature: Signature | None
    fault: str = ""


async def verify(
    content: bytes, resolver: Resolver, now: Callable[[], float], replays: Replays | None = None
) -> tuple[DkimVerdict, ...]:
    """Judge the signatures of a message with CRLF line ends; ``now`` in POSIX seconds.

    Copies of what passes are counted in ``replays``.
    """
    block = split_block(content)
    fields = block.raw_items()
    found = [_read(field) for field in islice((one for one in fields if one[0].lower() == FIELD), SIGNATURES)]
    if not found:
        return ()
    moment, picker = now(), FieldPicker(fields)
    usable = [one.signature for one in found if one.signature is not None and not _unusable(one.signature, moment)]
    keys = await look_up_keys(resolver, {key_name(one.selector, one.domain) for one in usable})
    bodies = await _hash(content, block, {(one.body_form, one.body_octets) for one in usable if _has_key(one, keys)})
    verdicts = tuple([_judge(one, keys, bodies, picker, moment) for one in found])
    if replays is not None:
        for domain, body_hash in _passed(found, verdicts):
            replays.note(domain, body_hash, moment)
    return verdicts


def _passed(found: Sequence[_Found], verdicts: Sequence[DkimVerdict]) -> set[tuple[str, bytes]]:
    """Signer and body hash, each once: two signatures of one signer are one copy."""
    return {
        (one.signature.domain, one.signature.bh)
        for one, verdict in zip(found, verdicts, strict=True)
        if one.signature is not None and verdict.result is Result.PASS
    }


def key_name(selector: str, domain: str) -> str:
    """Where a key is published.  RFC 6376 §3.6.2.1."""
    return f"{selector}._domainkey.{domain}"


async def look_up_keys(resolver: Resolver, names: Collection[str], rsa_bits: int = RSA_BITS[1]) -> Keys:
    """The key at each name, or why there is none; side by side, within KEYS_S.

    Neither ``asyncio.timeout`` nor a TaskGroup: a caller need not be in a task (``net/eager.py``).
    """
    loop = asyncio.get_running_loop()
    looking = {name: loop.create_task(_look_up(resolver, name, rsa_bits)) for name in names}
    if not looking:
        return {}
    try:
        await asyncio.wait(looking.values(), timeout=KEYS_S)
        return {name: task.result() if task.done() else _late(name) for name, task in looking.items()}
    finally:
        for task in looking.values():
            task.cancel()


async def _look_up(resolver: Resolver, name: str, rsa_bits: int) -> DkimKey | FormatError | DnsFailure:
    try:
        answer = await resolver.txt(name)
    except DnsFailure as failure:
        return failure
    if not answer.records:
        return FormatError("DKIM key", -1, "there is none")
    try:
        return first_key(answer.records, rsa_bits)
    except FormatError as fault:
        return fault


def _late(name: str) -> DnsFailure:
    return DnsFailure(f"{name}: no answer in {KEYS_S:.0f} s")


def _has_key(signature: Signature, keys: Keys) -> bool:
    return isinstance(keys[key_name(signature.selector, signature.domain)], DkimKey)


async def _hash(content: bytes, block: HeaderBlock, wishes: set[BodyWish]) -> dict[BodyWish, tuple[bytes, int]]:
    if len(content) < LONG_OCTETS:
        return hash_bodies(content, block.body, wishes)
    return await asyncio.to_thread(hash_bodies, content, block.body, wishes)


def _read(field: RawField) -> _Found:
    try:
        return _Found(field, parse_signature(field[2]))
    except FormatError as error:
        return _Found(field, None, error.rule)


def _unusable(signature: Signature, now: float) -> str:
    """Why a signature cannot pass whatever its key is, "" when it can."""
    if signature.algorithm not in ALGORITHMS:
        return "rsa-sha1 proves nothing" if signature.algorithm == "rsa-sha1" else "the algorithm is not known"
    if signature.expires_at is not None and signature.expires_at < now:
        return "it has expired"
    return ""


def _judge(
    found: _Found, keys: Keys, bodies: dict[BodyWish, tuple[bytes, int]], picker: FieldPicker, now: float
) -> DkimVerdict:
    signature = found.signature
    if signature is None:
        return DkimVerdict(Result.PERMERROR, "", "", "", "", found.fault)
    if why := _unusable(signature, now):
        return _verdict(signature, Result.PERMERROR, why)
    key = keys[key_name(signature.selector, signature.domain)]
    if isinstance(key, DnsFailure):
        return _verdict(signature, Result.TEMPERROR, str(key))
    if isinstance(key, FormatError):
        return _verdict(signature, Result.PERMERROR, f"key: {key.rule}")
    if why := _unfit(signature, key):
        return _verdict(signature, Result.PERMERROR, f"key: {why}", testing=key.testing)
    result, why = _compare(found.field, signature, key, bodies, picker)
    return _verdict(signature, result, why, testing=key.testing)


def _unfit(signature: Signature, key: DkimKey) -> str:
    """Why a key is not for this signature, "" when it is."""
    if why := unfit(key, ALGORITHMS[signature.algorithm]):
        return why
    if key.strict and signature.identity_domain != signature.domain:
        return "i= has to be the domain itself"
    return ""


def _compare(
    field: RawField, signature: Signature, key: DkimKey, bodies: dict[BodyWish, tuple[bytes, int]], picker: FieldPicker
) -> tuple[Result, str]:
    digest, octets = bodies[signature.body_form, signature.body_octets]
    if signature.body_octets is not None and signature.body_octets > octets:
        return Result.FAIL, "the body is shorter than signed"
    if digest != signature.bh:
        return Result.FAIL, "the body was changed"
    assert key.material is not None
    if not is_signed(key.material, signature.b, signed_octets(picker, signature.names, field, signature.header_form)):
        return Result.FAIL, "the header was changed, or another key has signed"
    if signature.body_octets is not None and signature.body_octets < octets:
        return Result.POLICY, f"{octets - signature.body_octets} octets of the body are not signed"
    if signature.names.count(b"from") < picker.count(b"from"):
        return Result.POLICY, "a From is not signed"
    return Result.PASS, ""


def _verdict(signature: Signature, result: Result, reason: str, *, testing: bool = False) -> DkimVerdict:
    return DkimVerdict(
        result,
        signature.domain,
        signature.selector,
        signature.identity,
        signature.algorithm,
        reason,
        testing,
        signature.b_text,
    )
