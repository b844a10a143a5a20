"""The Authenticated Received Chain of a message, judged.  RFC 8617 §5.2.

    none   no hop has sealed
    pass   the last hop's signature holds, and so do all seals
    fail   anything else: a chain is whole or worthless

A chain that passes says what earlier hops found, and that is worth as much as they are trusted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from courriel.base.errors import FormatError
from courriel.formats.header import split_block
from courriel.formats.message.canonical_body import Canon
from courriel.formats.message.canonical_header import FieldPicker, RawField, canonical_field
from courriel.formats.tag_list import without_value
from courriel.mailauth.arc_fields import ArcSet, Seal, Stamp, arc_sets
from courriel.mailauth.dkim_check import ALGORITHMS, BodyWish, hash_bodies, is_signed, signed_octets
from courriel.mailauth.dkim_key import DkimKey, unfit
from courriel.mailauth.dkim_verify import LONG_OCTETS, Keys, key_name, look_up_keys
from courriel.model.verdict import ArcVerdict, Result
from courriel.ports.resolver import DnsFailure, Resolver

__all__ = ["KEYS", "sealed_octets", "validate"]

KEYS: Final = 20
"""``arc.keys``: names asked for keys; honest chains have fewer than ten hops, and each look-up is work for others."""

Bodies = dict[BodyWish, tuple[bytes, int]]


async def validate(content: bytes, resolver: Resolver) -> ArcVerdict:
    """Judge the chain of a message with CRLF line ends."""
    block = split_block(content)
    if b"arc-" not in content[: block.body].lower():  # most mail: no need to cut the header up
        return ArcVerdict(Result.NONE)
    fields = block.raw_items()
    try:
        sets = arc_sets(fields)
    except FormatError as error:
        return ArcVerdict(Result.FAIL, error.rule)
    if not sets:
        return ArcVerdict(Result.NONE)
    sealers = tuple(one.seal.domain for one in sets)
    if why := _broken(sets):
        return ArcVerdict(Result.FAIL, why, sealers=sealers)
    names = {key_name(one.selector, one.domain) for hop in sets for one in (hop.stamp, hop.seal)}
    if len(names) > KEYS:
        return ArcVerdict(Result.FAIL, "arc.keys", sealers=sealers)
    keys = await look_up_keys(resolver, names)
    wishes = {(one.stamp.body_form, one.stamp.body_octets) for one in sets}
    if len(content) < LONG_OCTETS:
        bodies = hash_bodies(content, block.body, wishes)
    else:
        bodies = await asyncio.to_thread(hash_bodies, content, block.body, wishes)
    return _judge(sets, keys, bodies, FieldPicker(fields), sealers)


def _broken(sets: Sequence[ArcSet]) -> str:
    """What the chain says against itself, "" for nothing.  RFC 8617 §5.2 steps 2 and 3."""
    if sets[-1].seal.cv == "fail":
        return "the last hop found it broken"
    for place, one in enumerate(sets):
        if one.seal.cv != ("pass" if place else "none"):
            return f"seal {place + 1} says cv={one.seal.cv}"
    return ""


def _judge(
    sets: Sequence[ArcSet], keys: Keys, bodies: Bodies, picker: FieldPicker, sealers: tuple[str, ...]
) -> ArcVerdict:
    if why := _unsigned(sets[-1], keys, bodies, picker):
        return ArcVerdict(Result.FAIL, f"signature {len(sets)}: {why}", sealers=sealers)
    for place in range(len(sets), 0, -1):
        if why := _unsealed(sets[:place], keys):
            return ArcVerdict(Result.FAIL, f"seal {place}: {why}", sealers=sealers)
    return ArcVerdict(Result.PASS, oldest_pass=_oldest_pass(sets, keys, bodies, picker), sealers=sealers)


def _oldest_pass(sets: Sequence[ArcSet], keys: Keys, bodies: Bodies, picker: FieldPicker) -> int:
    """The first hop since which nobody has changed the message, 0 when nobody has.  RFC 8617 §5.2 step 5."""
    for place in range(len(sets) - 1, 0, -1):
        if _unsigned(sets[place - 1], keys, bodies, picker):
            return place + 1
    return 0


def _unsigned(one: ArcSet, keys: Keys, bodies: Bodies, picker: FieldPicker) -> str:
    """Why a hop's signature does not hold, "" when it does."""
    stamp = one.stamp
    key = _key(stamp, keys)
    if isinstance(key, str):
        return key
    digest, octets = bodies[stamp.body_form, stamp.body_octets]
    if digest != stamp.bh or (stamp.body_octets is not None and stamp.body_octets != octets):
        return "the body was changed"
    assert key.material is not None
    covered = signed_octets(picker, stamp.names, one.stamp_field, stamp.header_form)
    return "" if is_signed(key.material, stamp.b, covered) else "the header was changed"


def _unsealed(sets: Sequence[ArcSet], keys: Keys) -> str:
    """Why the last seal of ``sets`` does not hold, "" when it does."""
    key = _key(sets[-1].seal, keys)
    if isinstance(key, str):
        return key
    assert key.material is not None
    covered = sealed_octets([field for one in sets for field in one.fields])
    return "" if is_signed(key.material, sets[-1].seal.b, covered) else "the chain was changed"


def sealed_octets(fields: Sequence[RawField]) -> bytes:
    """What the seal that is last of ``fields`` covers: all of them, itself without its b=.  RFC 8617 §5.1.1."""
    *covered, (name, colon, value) = fields
    bare = without_value(value.removesuffix(b"\n").removesuffix(b"\r"), b"b")
    own = canonical_field((name, colon, bare), Canon.RELAXED).removesuffix(b"\r\n")
    return b"".join([canonical_field(field, Canon.RELAXED) for field in covered]) + own


def _key(of: Stamp | Seal, keys: Keys) -> DkimKey | str:
    """A key that can check, or why there is none."""
    key = keys[key_name(of.selector, of.domain)]
    if isinstance(key, DkimKey):
        why = unfit(key, ALGORITHMS[of.algorithm])
        return f"key: {why}" if why else key
    return str(key) if isinstance(key, DnsFailure) else f"key: {key.rule}"
