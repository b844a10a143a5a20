"""One more hop of a chain, for a message that is sent on.  RFC 8617 §5.1.

What this hop found, a signature over the message as it leaves, and a seal over all sets.  A chain that was found broken
is sealed once, over this set alone (§5.1.2), and never again.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Final

from courriel.base.errors import FormatError
from courriel.formats.header import split_block, unfold
from courriel.formats.message.canonical_body import Canon
from courriel.formats.message.canonical_header import FieldPicker, RawField, canonical_field
from courriel.mailauth.arc_fields import INSTANCES, arc_sets
from courriel.mailauth.dkim_check import hash_bodies
from courriel.mailauth.dkim_sign import OVER_SIGNED, SigningKey, algorithm_of, fold_names, make
from courriel.model.verdict import ArcVerdict, Result

__all__ = ["own_results", "seal"]

_NAMES: Final = tuple(name.lower().encode("ascii") for name in (*OVER_SIGNED, "DKIM-Signature"))
_AUTHENTICATION_RESULTS: Final = b"authentication-results"


def seal(
    content: bytes,
    results: bytes,
    verdict: ArcVerdict,
    key: SigningKey,
    now: float,
    names: Sequence[bytes] = _NAMES,
) -> bytes:
    """Fields to stand before ``content``, "" where another seal would say nothing.

    ``results`` is what this hop found, as the value of an Authentication-Results field; ``verdict`` is the chain's as
    it came, ``names`` (lower case) what is signed beside, those that stand there.  ``now`` in POSIX seconds.
    """
    block = split_block(content)
    fields = block.raw_items()
    if verdict.result is Result.NONE:
        sets = []
    else:
        try:
            sets = arc_sets(fields)
        except FormatError:
            return b""
        if len(sets) == INSTANCES or sets[-1].seal.cv == "fail":
            return b""
    instance = len(sets) + 1
    found: RawField = (b"ARC-Authentication-Results", b":", b" i=%d; %b\r\n" % (instance, results))
    stamp = _stamp(content, block.body, fields, key, instance, now, names)
    earlier = [field for one in sets for field in one.fields] if verdict.result is not Result.FAIL else []
    closing = _seal([*earlier, found, stamp], verdict, key, instance, now)
    return b"".join([*closing, *stamp, *found])


def own_results(fields: Sequence[RawField], authserv_id: bytes) -> bytes:
    """What ``authserv_id`` says in Authentication-Results fields, as one value: they are one finding."""
    found = []
    for name, _, value in fields:
        if name.lower() == _AUTHENTICATION_RESULTS:
            who, semicolon, said = unfold(value).partition(b";")
            if semicolon and who.strip().lower() == authserv_id.lower():
                found.append(said.strip(b" \t;"))
    return b"; ".join([authserv_id, *found])


def _stamp(
    content: bytes,
    body: int,
    fields: list[RawField],
    key: SigningKey,
    instance: int,
    now: float,
    names: Sequence[bytes],
) -> RawField:
    picker = FieldPicker(fields)
    ((digest, _),) = hash_bodies(content, body, ((Canon.RELAXED, None),)).values()
    signed = [name for name in names for _ in range(picker.count(name))]
    after = b";\r\n\tbh=%b; c=relaxed/relaxed;\r\n\td=%b;%b;\r\n\ti=%d; s=%b; t=%d" % (
        base64.b64encode(digest),
        key.domain.encode("ascii"),
        fold_names(signed),
        instance,
        key.selector.encode("ascii"),
        now,
    )
    return make(b"ARC-Message-Signature", _before(key), after, key.private, picker.canonical(signed, Canon.RELAXED))


def _seal(fields: list[RawField], verdict: ArcVerdict, key: SigningKey, instance: int, now: float) -> RawField:
    after = b"; cv=%b; d=%b; i=%d;\r\n\ts=%b; t=%d" % (
        verdict.result.value.encode("ascii"),
        key.domain.encode("ascii"),
        instance,
        key.selector.encode("ascii"),
        now,
    )
    covered = b"".join([canonical_field(field, Canon.RELAXED) for field in fields])
    return make(b"ARC-Seal", _before(key), after, key.private, covered)


def _before(key: SigningKey) -> bytes:
    return b" a=%b;\r\n\tb=" % algorithm_of(key.private).encode("ascii")
