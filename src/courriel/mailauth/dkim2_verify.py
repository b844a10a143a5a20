"""DKIM2: the chain of signatures by every hop, judged.  draft-ietf-dkim-dkim2-spec-04 §8, §10.

Each hop signs what the message was (Message-Instance), the envelope it gave it, and all hops before.  So a copy sent to
somebody else shows, as does who changed what.  All signatures are checked, and the last instance against the message;
earlier ones are not made anew from their recipes.

A draft still: later ones differ, so nothing depends on this verdict yet.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from courriel.base.errors import FormatError
from courriel.formats.header import split_block
from courriel.formats.message.canonical_body import Canon
from courriel.formats.message.canonical_header import RawField, canonical_field
from courriel.mailauth.dkim2_fields import Hop, Instance, Proof, hops, instances, squeezed
from courriel.mailauth.dkim_check import ALGORITHMS, hash_bodies, is_signed
from courriel.mailauth.dkim_key import DkimKey, unfit
from courriel.mailauth.dkim_verify import Keys, key_name, look_up_keys
from courriel.model.verdict import DkimVerdict, Result
from courriel.ports.resolver import DnsFailure, Resolver

__all__ = ["AGE_S", "AHEAD_S", "KEYS", "RSA_BITS", "verify"]

AGE_S: Final = 14 * 86_400
"""§10.3: an older signature is none."""
AHEAD_S: Final = 300
"""§10.3: so much may clocks differ."""
KEYS: Final = 20
"""``dkim2.keys``: names asked for keys of one message; each is work for others."""
RSA_BITS: Final = 8_192
"""§3.2 lets verifiers take keys of more than 2048 bits; this long, a check takes 0.4 ms."""

# §5.2: fields that hops add and change as they go are not part of a message.
_TRACE: Final = re.compile(
    rb"received|return-path|authentication-results|dkim-signature|dkim2-signature|message-instance|x-.*|arc-.*"
)
# s= with each signature left out, in a field without blanks (§9.5).
_PROOFS: Final = re.compile(rb"(?<=[:;])(s=)([^;\r]*)", re.IGNORECASE)


class _Bad(Exception):
    """Why the chain is not good: a result and a reason."""

    def __init__(self, result: Result, reason: str) -> None:
        super().__init__(reason)
        self.result = result
        self.reason = reason


async def verify(
    content: bytes,
    mail_from: str,
    rcpt_to: Sequence[str],
    resolver: Resolver,
    now: float | None,
    *,
    brackets: bool = True,
) -> DkimVerdict:
    """Judge the chain of a message with CRLF line ends; the verdict names the last hop.

    ``mail_from`` and ``rcpt_to`` are the envelope's, with ``<>`` around them; ``now`` in POSIX seconds, None where ages
    do not matter.  Early drafts left the brackets away: not ``brackets`` lets that pass.
    """
    block = split_block(content)
    fields = block.raw_items()
    try:
        chain, states = hops(fields), instances(fields)
    except FormatError as error:
        return DkimVerdict(Result.PERMERROR, "", "", "", "", error.rule)
    if not chain and not states:
        return DkimVerdict(Result.NONE, "", "", "", "")
    try:
        _check_chain(chain, states, now, brackets)
        _check_envelope(chain[-1], mail_from, rcpt_to)
        keys = await _keys(chain, resolver)
        for place, hop in enumerate(chain, 1):
            _check_hop(hop, chain[: place - 1], states[: hop.instance], keys)
        _check_instance(
            states[-1], fields, hash_bodies(content, block.body, [(Canon.SIMPLE, None)])[Canon.SIMPLE, None][0]
        )
    except _Bad as bad:
        return _verdict(chain, bad.result, bad.reason)
    return _verdict(chain, Result.PASS, "")


def _verdict(chain: Sequence[Hop], result: Result, reason: str) -> DkimVerdict:
    if not chain:
        return DkimVerdict(result, "", "", "", "", reason)
    last = chain[-1]
    proof = last.proofs[0]
    return DkimVerdict(result, last.domain, proof.selector, last.mail_from, proof.algorithm, reason)


# --- what needs no key --------------------------------------------------------------------------------------------
def _check_chain(chain: Sequence[Hop], states: Sequence[Instance], now: float | None, brackets: bool) -> None:
    """§7, §8.2, §10.1 to §10.4.  Raises _Bad."""
    if not chain or not states:
        raise _Bad(Result.PERMERROR, "a DKIM2-Signature or a Message-Instance is missing")
    if chain[-1].instance != len(states):
        raise _Bad(Result.PERMERROR, "the last instance is not signed")
    before = 0
    for hop in chain:
        if not before <= hop.instance <= len(states) or not hop.instance:
            raise _Bad(Result.PERMERROR, f"hop {hop.number} signs an instance that is not there")
        before = hop.instance
        if now is not None and not -AHEAD_S <= now - hop.signed_at <= AGE_S:
            raise _Bad(Result.PERMERROR, f"hop {hop.number} was signed too long ago, or is yet to come")
        if brackets and not all(_has_brackets(one) for one in (hop.mail_from, *hop.rcpt_to)):
            raise _Bad(Result.PERMERROR, f"hop {hop.number} has no brackets around an address")
        sender = _domain_of(hop.mail_from)
        if sender and not _is_at_or_below(sender, hop.domain):
            raise _Bad(Result.PERMERROR, f"hop {hop.number} signs for a sender outside of d=")
    for earlier, later in pairwise(chain):
        given_to = [_domain_of(one) for one in earlier.rcpt_to]
        sender = _domain_of(later.mail_from) or later.domain
        if not any(_is_at_or_below(sender, domain) for domain in given_to):
            raise _Bad(Result.FAIL, f"hop {later.number} is not whom hop {earlier.number} gave it to")


def _check_envelope(last: Hop, mail_from: str, rcpt_to: Sequence[str]) -> None:
    """The last hop gave it to us, as it comes.  §10.4."""
    if _canonical(mail_from) != _canonical(last.mail_from):
        raise _Bad(Result.FAIL, "the envelope has another sender than was signed")
    signed = {_canonical(one) for one in last.rcpt_to}
    if not signed.issuperset(map(_canonical, rcpt_to)):
        raise _Bad(Result.FAIL, "the envelope has a recipient that was not signed")


def _has_brackets(address: str) -> bool:
    return address.startswith("<") and address.endswith(">")


def _canonical(address: str) -> str:
    """Without brackets, the domain in lower case (§7.7)."""
    local, at, domain = address.strip("<>").rpartition("@")
    return local + at + domain.lower()


def _domain_of(address: str) -> str:
    return _canonical(address).rpartition("@")[2]


def _is_at_or_below(domain: str, above: str) -> bool:
    return domain == above or domain.endswith("." + above)


# --- what does ----------------------------------------------------------------------------------------------------
async def _keys(chain: Sequence[Hop], resolver: Resolver) -> Keys:
    names = {
        key_name(proof.selector, hop.domain) for hop in chain for proof in hop.proofs if proof.algorithm in ALGORITHMS
    }
    if len(names) > KEYS:
        raise _Bad(Result.PERMERROR, "dkim2.keys")
    return await look_up_keys(resolver, names, RSA_BITS)


def _check_hop(hop: Hop, before: Sequence[Hop], states: Sequence[Instance], keys: Keys) -> None:
    """Every signature of a hop that we know the kind of has to hold.  §10.6."""
    known = [proof for proof in hop.proofs if proof.algorithm in ALGORITHMS]
    if not known:
        raise _Bad(Result.FAIL, f"hop {hop.number} signs by no algorithm that is known")
    own = _PROOFS.sub(_without_signatures, squeezed(hop.field))
    covered = [*(state.field for state in states), *(earlier.field for earlier in before)]
    octets = b"".join(map(squeezed, covered)) + own
    for proof in known:
        key = _key(hop, proof, keys)
        assert key.material is not None
        if not is_signed(key.material, proof.signature, octets):
            raise _Bad(Result.FAIL, f"the signature of hop {hop.number} does not hold")


def _without_signatures(match: re.Match[bytes]) -> bytes:
    return match[1] + b",".join([b":".join(one.split(b":")[:2]) + b":" for one in match[2].split(b",")])


def _key(hop: Hop, proof: Proof, keys: Keys) -> DkimKey:
    key = keys[key_name(proof.selector, hop.domain)]
    if isinstance(key, DnsFailure):
        raise _Bad(Result.TEMPERROR, str(key))
    if isinstance(key, FormatError):
        raise _Bad(Result.PERMERROR, f"key of hop {hop.number}: {key.rule}")
    if why := unfit(key, ALGORITHMS[proof.algorithm]):
        raise _Bad(Result.PERMERROR, f"key of hop {hop.number}: {why}")
    return key


def _check_instance(last: Instance, fields: Sequence[RawField], body_hash: bytes) -> None:
    """§10.7: the message is what the last hop says it was."""
    if last.header_hash is None:
        raise _Bad(Result.FAIL, "the last instance has no hash of a kind that is known")
    if last.body_hash != body_hash:
        raise _Bad(Result.FAIL, "the body was changed")
    if last.header_hash != _header_hash(fields):
        raise _Bad(Result.FAIL, "the header was changed")


def _header_hash(fields: Sequence[RawField]) -> bytes:
    """§5.2: by name; of one name from below, as DKIM picks them."""
    kept = [field for field in reversed(fields) if _TRACE.fullmatch(field[0].lower()) is None]
    kept.sort(key=lambda field: field[0].lower())
    return hashlib.sha256(b"".join([canonical_field(field, Canon.RELAXED) for field in kept])).digest()
