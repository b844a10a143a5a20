"""Domain names and address literals, in the one form in which they are compared: A-labels in lower case.

Sources: RFC 5321 §4.1.2–4.1.3 and §4.5.3.1.2, RFC 1123 §2.1 (letters, digits, hyphens), RFC 1035 §2.3.4 (63 and
255 octets), IDNA 2008: RFC 5890–5893.  The code point rule of RFC 5892 is worked out from Unicode properties
instead of its table; CONTEXTO characters are held to their rules (RFC 5892 appendix A).

No look-up in the DNS, no public suffix list, no judgement on look-alike letters.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from functools import lru_cache

from courriel.base.errors import FormatError, LimitExceeded

DOMAIN_OCTETS = 255
"""``domain.octets``: RFC 5321 §4.5.3.1.2."""
LABEL_OCTETS = 63
"""``domain.label_octets``: RFC 1035 §2.3.4."""

_LDH = re.compile(r"[a-z0-9](?>(?:[a-z0-9-]{0,61}[a-z0-9])?)(?>(?:\.[a-z0-9](?>(?:[a-z0-9-]{0,61}[a-z0-9])?))*)")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
# What people's keyboards give for a dot (RFC 5895 §2).
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")
_LITERAL_V4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")


def normalise(domain: str) -> str:
    """The domain as lower-case A-labels without a final dot; FormatError where it is none.

    A name whose last label is all digits is refused: it would read as an IPv4 address elsewhere (RFC 3696 §2).
    """
    name = domain.lower() if domain.isascii() else _to_ascii(domain)
    if name.endswith("."):
        name = name[:-1]
    if len(name) > DOMAIN_OCTETS:
        raise LimitExceeded("domain", DOMAIN_OCTETS, "domain.octets")
    if _LDH.fullmatch(name) is None:
        raise _fault(name)
    last = name[name.rfind(".") + 1 :]
    if last.isdigit():
        raise FormatError("domain", len(name) - len(last), "last label is all digits (RFC 3696 §2)")
    if "xn--" in name:
        _check_a_labels(name)
    return name


def to_unicode(a_label: str) -> str:
    """The domain for people's eyes: each A-label that IDNA 2008 allows as its U-label, the others as they are."""
    if "xn--" not in a_label.lower():
        return a_label
    return ".".join([_u_label(label) for label in a_label.lower().split(".")])


def is_literal(domain: str) -> bool:
    """Whether this is an address literal, ``[…]``."""
    return domain.startswith("[") and domain.endswith("]")


def normalise_literal(literal: str) -> str:
    """``[192.0.2.1]`` or ``[IPv6:2001:db8::1]`` in canonical form (RFC 5321 §4.1.3); other kinds are refused."""
    if not is_literal(literal):
        raise FormatError("address literal", 0, "RFC 5321 §4.1.3")
    inside = literal[1:-1]
    try:
        if inside[:5].lower() == "ipv6:":
            if "%" in inside:  # a zone has a meaning on one machine only (RFC 4007 §11)
                raise ValueError
            return f"[IPv6:{ipaddress.IPv6Address(inside[5:])}]"
        if _LITERAL_V4.fullmatch(inside):
            return f"[{ipaddress.IPv4Address(inside)}]"
    except ValueError:
        pass
    raise FormatError("address literal", 1, "RFC 5321 §4.1.3")


def _fault(name: str) -> FormatError:
    """Say which label is wrong and why."""
    at = 0
    for label in name.split("."):
        if not label:
            return FormatError("domain", at, "empty label")
        if len(label) > LABEL_OCTETS:
            return LimitExceeded("domain", at, "domain.label_octets")
        if _LABEL.fullmatch(label) is None:
            break
        at += len(label) + 1
    return FormatError("domain", at, "letters, digits and inner hyphens only (RFC 1123 §2.1)")


def _check_a_labels(name: str) -> None:
    """RFC 5890 §2.3.2.1: what looks like an A-label must be one, or two names would read as the same."""
    at = 0
    for label in name.split("."):
        if label.startswith("xn--") and not _is_a_label(label):
            raise FormatError("domain", at, "not an A-label (RFC 5890 §2.3.2.1)")
        at += len(label) + 1


# ---------------------------------------------------------------------------------- IDNA 2008, RFC 5891


@lru_cache(maxsize=4096)
def _to_ascii(domain: str) -> str:
    """A domain with U-labels as A-labels, after the mapping of RFC 5895 §2 (lower case, width, NFC)."""
    if len(domain) > 4 * DOMAIN_OCTETS:
        raise LimitExceeded("domain", DOMAIN_OCTETS, "domain.octets")
    mapped = unicodedata.normalize("NFC", _narrow(domain.translate(_DOTS)).lower())
    labels = []
    at = 0
    for label in mapped.split("."):
        if label.isascii():
            labels.append(label)
        else:
            _check_u_label(label, at)
            labels.append("xn--" + label.encode("punycode").decode("ascii"))
        at += len(label) + 1
    return ".".join(labels)


def _narrow(text: str) -> str:
    """Full-width and half-width forms as the ordinary characters (RFC 5895 §2 step 2)."""
    return "".join(
        [
            unicodedata.normalize("NFKC", character) if 0xFF00 <= ord(character) <= 0xFFEF else character
            for character in text
        ]
    )


def _is_a_label(label: str) -> bool:
    """Whether punycode gives text that gives the same label back.

    Characters beyond RFC 5892 (emoji) are let through here: such names are registered and send mail.  They are
    shown as A-labels (``to_unicode``).
    """
    try:
        text = label[4:].encode("ascii").decode("punycode")
        if text.isascii() or text != unicodedata.normalize("NFC", text).lower():
            return False
        return "xn--" + text.encode("punycode").decode("ascii") == label
    except (UnicodeError, ValueError, OverflowError):
        return False


def _u_label(label: str) -> str:
    if not label.startswith("xn--") or len(label) > LABEL_OCTETS or not _is_a_label(label):
        return label
    text = label[4:].encode("ascii").decode("punycode")
    try:
        _check_u_label(text, 0)
    except FormatError:
        return label
    return text


def _check_u_label(label: str, at: int) -> None:
    """RFC 5891 §4.2.3: hyphens, first character, each character, direction.  ``at`` is for the error."""
    if len(label) > LABEL_OCTETS:
        raise LimitExceeded("domain", at, "domain.label_octets")
    if label.startswith("-") or label.endswith("-") or label[2:4] == "--":
        raise FormatError("domain", at, "hyphens (RFC 5891 §4.2.3.1)")
    if unicodedata.category(label[0]).startswith("M"):
        raise FormatError("domain", at, "begins with a combining mark (RFC 5891 §4.2.3.2)")
    for i, character in enumerate(label):
        if not _allowed(label, i, character):
            raise FormatError("domain", at + i, f"U+{ord(character):04X} (RFC 5892)")
    _check_direction(label, at)


# RFC 5892 §2.6: exceptions to what the properties say.
_PVALID = frozenset("\u00df\u03c2\u06fd\u06fe\u0f0b\u3007")
_DISALLOWED = frozenset("\u0640\u07fa\u302e\u302f\u3031\u3032\u3033\u3034\u3035\u303b")
_CATEGORIES = frozenset({"Ll", "Lo", "Lm", "Mn", "Mc", "Nd"})


def _allowed(label: str, i: int, character: str) -> bool:
    """RFC 5892 §3, with the CONTEXTJ and CONTEXTO rules of its appendix A."""
    if "a" <= character <= "z" or "0" <= character <= "9" or character == "-" or character in _PVALID:
        return True
    if character in _DISALLOWED:
        return False
    if character in "\u200c\u200d":  # A.1, A.2: after a virama
        return i > 0 and unicodedata.combining(label[i - 1]) == 9
    if character == "\u00b7":  # A.3: between two l
        return label[i - 1 : i] == "l" and label[i + 1 : i + 2] == "l"
    if character == "\u0375":  # A.4: before Greek
        return _script(label[i + 1 : i + 2], "GREEK")
    if character in "\u05f3\u05f4":  # A.5, A.6: after Hebrew
        return i > 0 and _script(label[i - 1], "HEBREW")
    if character == "\u30fb":  # A.7: somewhere beside Japanese
        return any(_script(other, "HIRAGANA", "KATAKANA", "CJK") for other in label if other != character)
    if "\u0660" <= character <= "\u0669":  # A.8: not with the extended digits
        return not any("\u06f0" <= other <= "\u06f9" for other in label)
    if "\u06f0" <= character <= "\u06f9":  # A.9
        return not any("\u0660" <= other <= "\u0669" for other in label)
    if unicodedata.category(character) not in _CATEGORIES:
        return False
    return _stable(character)


def _stable(character: str) -> bool:
    """RFC 5892 §2.2: a character that NFKC and case folding would change is not allowed."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", character).casefold())
    return folded == character


def _script(character: str, *scripts: str) -> bool:
    return bool(character) and unicodedata.name(character, "").startswith(scripts)


def _check_direction(label: str, at: int) -> None:
    """RFC 5893 §2, for labels with a right-to-left character in them."""
    kinds = [unicodedata.bidirectional(character) for character in label]
    if not {"R", "AL", "AN"}.intersection(kinds):
        return
    ends = [kind for kind in kinds if kind != "NSM"]
    rtl = kinds[0] in ("R", "AL")
    allowed = {"R", "AL", "AN", "EN", "ES", "CS", "ET", "ON", "BN", "NSM"}
    if (
        not rtl
        or not allowed.issuperset(kinds)
        or ends[-1] not in ("R", "AL", "EN", "AN")
        or {"EN", "AN"}.issubset(kinds)
    ):
        raise FormatError("domain", at, "direction (RFC 5893 §2)")
