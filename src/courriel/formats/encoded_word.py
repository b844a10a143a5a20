"""Text in header fields: encoded words and extended parameter values, both ways.  RFC 2047, RFC 2231.

    encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?="

Reading is lenient and never raises: words run together or glued to text are read, spaces inside Q text are taken,
what is no word stays as it stands.  CR, LF and NUL that a word hides (``=0D=0A``) become spaces, so that no later
rendering can be made to break a line (AUTH.md attack row 11).

Writing gives UTF-8 words of at most 75 octets on lines of at most 76 (RFC 2047 §2), and never a CR, LF or NUL that
came from the text.
"""

from __future__ import annotations

import binascii
import re

from courriel.formats import charsets

WORD_OCTETS = 75
"""RFC 2047 §2: longest encoded word."""
LINE_OCTETS = 76
"""RFC 2047 §2: longest line with an encoded word in it."""
PARAMETER_OCTETS = 72
"""Longest ``name="value"`` written in one piece; longer values are cut by RFC 2231 §3."""

# ---------------------------------------------------------------------------------------------- reading

_WORD = re.compile(rb"=\?([^?\s*\"<>()@,;:\\/\[\]=]++)(?:\*[^?\s]*+)?\?([bBqQ])\?([^?\r\n]*+)\?=")
_BETWEEN = re.compile(rb"[ \t\r\n]*+")
_LINE_END = re.compile(rb"\r?\n")
_BREAKS = str.maketrans("\r\n\0", "   ")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]++")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


def decode(raw: bytes) -> str:
    """The text of an unstructured value or a phrase; folded values are unfolded first."""
    if b"\n" in raw:
        raw = _LINE_END.sub(b"", raw)
    if b"=?" not in raw:
        return charsets.decode(raw)
    out: list[str] = []
    charset: bytes = b""
    octets: list[bytes] = []  # of neighbouring words in one charset, joined before they are read as characters
    at = 0
    for match in _WORD.finditer(raw):
        gap = raw[at : match.start()]
        follows = at > 0 and _BETWEEN.fullmatch(gap) is not None
        word_charset = match[1].lower()
        if not follows or word_charset != charset:
            out.append(_text(octets, charset))
            if not follows and gap:
                out.append(charsets.decode(gap))
            charset, octets = word_charset, []
        octets.append(_octets(match[2], match[3]))
        at = match.end()
    out.append(_text(octets, charset))
    if at < len(raw):
        out.append(charsets.decode(raw[at:]))
    return "".join(out)


def _text(octets: list[bytes], charset: bytes) -> str:
    return charsets.decode(b"".join(octets), charset).translate(_BREAKS) if octets else ""


def _octets(encoding: bytes, text: bytes) -> bytes:
    """B or Q text as octets; broken base64 gives what can be read of it."""
    if encoding in b"qQ":
        return binascii.a2b_qp(text.replace(b"_", b"=20"))
    kept = _NOT_BASE64.sub(b"", text)
    if len(kept) % 4 == 1:
        kept = kept[:-1]
    return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))


def decode_parameter(raw: bytes) -> str:
    """``charset'language'percent-encoded`` as text (RFC 2231 §4)."""
    charset, quote, rest = raw.partition(b"'")
    _language, second, value = rest.partition(b"'")
    if not quote or not second:
        charset, value = b"", raw
    octets = _PERCENT.sub(lambda match: binascii.a2b_hex(match[1]), value)
    return charsets.decode(octets, charset or None).translate(_BREAKS)


# ---------------------------------------------------------------------------------------------- writing

_BAD = re.compile("[\r\n\0]")
# RFC 2047 §5 rule 3: what Q may leave as it is inside a phrase; we use the same for all fields.
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q = [bytes([o]) if o in _Q_SAFE else b"_" if o == 0x20 else b"=%02X" % o for o in range(256)]
_Q_OCTETS = [len(piece) for piece in _Q]
_OPEN_Q, _OPEN_B, _CLOSE = b"=?utf-8?q?", b"=?utf-8?b?", b"?="
_ROOM = WORD_OCTETS - len(_OPEN_Q) - len(_CLOSE)
# A word of printable ASCII that cannot be taken for an encoded word; RFC 5322 §2.1.1 sets 998 for a line.
_SHORT_NAME_OCTETS = 40
"""With more than this on the line already, an encoded word begins on the next one."""
_PLAIN = re.compile(r"(?!.*=\?)[!-~]{1,900}")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?: [A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*")
_QUOTABLE = re.compile(r"[ -~]*")
_TOKEN = re.compile(r"[A-Za-z0-9!#$&+\-.^_`{|}~]+")
_ATTRIBUTE_CHAR = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{|}~")
_PERCENTED = [bytes([o]) if o in _ATTRIBUTE_CHAR else b"%%%02X" % o for o in range(256)]


def encode_unstructured(text: str, used: int = 0) -> bytes:
    """Text as the value of an unstructured field, folded; ``used`` octets stand on its first line already.

    Only the stretch from the first to the last word that needs it is encoded, so an ASCII subject stays readable.
    """
    words = _clean(text).split(" ")
    needs = [i for i, word in enumerate(words) if _PLAIN.fullmatch(word) is None]
    if not needs or words == [""]:
        return _fold([word.encode("ascii") for word in words], used)
    first, last = needs[0], needs[-1]
    if not any(words[first : last + 1]):  # only blanks: an encoded word must hold something
        first, last = max(first - 1, 0), last + 1
    pieces = [word.encode("ascii") for word in words[:first]]
    before = used + sum(len(piece) + 1 for piece in pieces)
    pieces += _words(" ".join(words[first : last + 1]), before)
    pieces += [word.encode("ascii") for word in words[last + 1 :]]
    return _fold(pieces, used)


def encode_phrase(text: str, used: int = 0) -> bytes:
    """Text as a display name (RFC 5322 §3.2.5 phrase): atoms, a quoted string, or encoded words."""
    text = _clean(text)
    if "=?" not in text and len(text) <= LINE_OCTETS - 2:
        if _ATOMS.fullmatch(text):
            return text.encode("ascii")
        if _QUOTABLE.fullmatch(text):
            return b'"' + text.replace("\\", "\\\\").replace('"', '\\"').encode("ascii") + b'"'
    return _fold(_words(text, used), used)


def encode_parameter(name: bytes, value: str) -> bytes:
    """``name=value`` for Content-Type and Content-Disposition, without the ``;`` before it.

    A token or quoted string while it is short ASCII; else RFC 2231, in pieces joined by ``;`` and a fold.
    """
    value = _clean(value)
    if _TOKEN.fullmatch(value) and len(name) + len(value) < PARAMETER_OCTETS:
        return name + b"=" + value.encode("ascii")
    if _QUOTABLE.fullmatch(value) and "=?" not in value and len(name) + len(value) < PARAMETER_OCTETS - 2:
        return name + b'="' + value.replace("\\", "\\\\").replace('"', '\\"').encode("ascii") + b'"'
    encoded = [_PERCENTED[octet] for octet in value.encode("utf-8")]
    whole = name + b"*=utf-8''" + b"".join(encoded)
    if len(whole) <= PARAMETER_OCTETS:
        return whole
    return b";\r\n ".join(_pieces(name, encoded))


def _pieces(name: bytes, encoded: list[bytes]) -> list[bytes]:
    pieces: list[bytes] = []
    piece = name + b"*0*=utf-8''"
    for octet in encoded:
        if len(piece) + len(octet) > PARAMETER_OCTETS:
            pieces.append(piece)
            piece = name + b"*%d*=" % len(pieces)
        piece += octet
    pieces.append(piece)
    return pieces


def _clean(text: str) -> str:
    """Text that can be encoded: line breaks and NUL as spaces, lone surrogates as U+FFFD."""
    text = _BAD.sub(" ", text)
    return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _words(text: str, used: int) -> list[bytes]:
    """Text as encoded words, each of whole characters (RFC 2047 §5: a word never splits one)."""
    raw = text.encode("utf-8")
    quoted = sum(_Q_OCTETS[octet] for octet in raw)
    base64 = quoted > (len(raw) + 2) // 3 * 4
    words: list[bytes] = []
    room = _ROOM if used > _SHORT_NAME_OCTETS else min(_ROOM, LINE_OCTETS - used - len(_OPEN_Q) - len(_CLOSE))
    octets, cost = bytearray(), 0
    for character in text:
        piece = character.encode("utf-8")
        added = len(piece) if base64 else sum(_Q_OCTETS[octet] for octet in piece)
        if octets and (cost + added > room // 4 * 3 if base64 else cost + added > room):
            words.append(_word(bytes(octets), base64))
            octets, cost, room = bytearray(), 0, _ROOM
        octets += piece
        cost += added
    words.append(_word(bytes(octets), base64))
    return words


def _word(octets: bytes, base64: bool) -> bytes:
    if base64:
        return _OPEN_B + binascii.b2a_base64(octets, newline=False) + _CLOSE
    return _OPEN_Q + b"".join([_Q[octet] for octet in octets]) + _CLOSE


def _fold(pieces: list[bytes], used: int) -> bytes:
    """Pieces joined by spaces; a line end is put before a space where the line would grow past 76 octets."""
    lines: list[bytes] = []
    width = used
    for number, piece in enumerate(pieces):
        if number == 0 and (used + len(piece) <= LINE_OCTETS or used <= _SHORT_NAME_OCTETS):
            lines.append(piece)
            width += len(piece)
        elif number == 0 or width + 1 + len(piece) > LINE_OCTETS:
            lines.append(b"\r\n " + piece)
            width = 1 + len(piece)
        else:
            lines.append(b" " + piece)
            width += 1 + len(piece)
    return b"".join(lines)
