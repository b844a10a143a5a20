"""Charset labels of mail and the text they stand for.  RFC 2046 §4.1.2; labels as in the WHATWG Encoding Standard.

``decode`` never raises and never returns a lone surrogate.  Only codecs that turn octets into text are reachable:
a label is looked up in the table here and nowhere else, so ``zip``, ``rot13``, ``unicode_escape`` or ``idna`` are
unknown labels like any other.
"""

from __future__ import annotations

import re

# Codec → labels.  Windows supersets stand for the ISO sets, as in every mail reader: senders mix them up, and
# the octets 0x80–0x9F mean nothing else in mail.
_LABELS: dict[str, str] = {
    "utf-8": "utf-8 utf8 utf_8 u8 utf-8-sig unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8 "
    "cp65001 65001 x-utf-8 unicode-2-0-utf-8 utf8mb4 utf-8mb4",
    "utf-16": "utf-16 utf16 unicode csunicode iso-10646-ucs-2 ucs-2 unicodefeff",
    "utf-16-le": "utf-16le utf_16_le utf-16-le",
    "utf-16-be": "utf-16be utf_16_be utf-16-be unicodefffe",
    "utf-32": "utf-32 utf32 utf_32",
    "utf-32-le": "utf-32le utf_32_le utf-32-le",
    "utf-32-be": "utf-32be utf_32_be utf-32-be",
    "utf-7": "utf-7 utf7 utf_7 unicode-1-1-utf-7 x-unicode-2-0-utf-7 csunicode11utf7 cp65000",
    "ascii": "us-ascii ascii ansi_x3.4-1968 ansi_x3.4-1986 iso-ir-6 iso646-us iso_646.irv:1991 us csascii 646",
    "cp1252": "iso-8859-1 iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 iso-ir-100 latin1 latin-1 latin_1 "
    "l1 cp819 ibm819 csisolatin1 8859-1 windows-1252 cp1252 x-cp1252 cp-1252 win-1252 windows1252 "
    "1252 ansi x-ansi iso-8859-1-windows-3.1-latin-1 ansi_x3.110-1983",
    "cp1250": "windows-1250 cp1250 x-cp1250 cp-1250 win-1250 windows1250 1250",
    "cp1251": "windows-1251 cp1251 x-cp1251 cp-1251 win-1251 windows1251 1251",
    "cp1253": "windows-1253 cp1253 x-cp1253 cp-1253 win-1253 1253",
    "cp1254": "windows-1254 cp1254 x-cp1254 cp-1254 win-1254 1254 iso-8859-9 iso8859-9 iso88599 iso_8859-9 "
    "iso_8859-9:1989 iso-ir-148 latin5 l5 csisolatin5",
    "cp1255": "windows-1255 cp1255 x-cp1255 cp-1255 win-1255 1255",
    "cp1256": "windows-1256 cp1256 x-cp1256 cp-1256 win-1256 1256",
    "cp1257": "windows-1257 cp1257 x-cp1257 cp-1257 win-1257 1257",
    "cp1258": "windows-1258 cp1258 x-cp1258 cp-1258 win-1258 1258",
    "iso8859-2": "iso-8859-2 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 iso-ir-101 latin2 latin-2 l2 csisolatin2",
    "iso8859-3": "iso-8859-3 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 iso-ir-109 latin3 l3 csisolatin3",
    "iso8859-4": "iso-8859-4 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 iso-ir-110 latin4 l4 csisolatin4",
    "iso8859-5": "iso-8859-5 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988 iso-ir-144 cyrillic csisolatincyrillic",
    "iso8859-6": "iso-8859-6 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987 iso-ir-127 arabic asmo-708 ecma-114 "
    "iso-8859-6-e iso-8859-6-i csisolatinarabic",
    "iso8859-7": "iso-8859-7 iso8859-7 iso88597 iso_8859-7 iso_8859-7:1987 iso-ir-126 greek greek8 ecma-118 "
    "elot_928 csisolatingreek",
    "iso8859-8": "iso-8859-8 iso8859-8 iso88598 iso_8859-8 iso_8859-8:1988 iso-ir-138 hebrew visual "
    "iso-8859-8-e iso-8859-8-i logical csiso88598e csiso88598i csisolatinhebrew",
    "iso8859-10": "iso-8859-10 iso8859-10 iso885910 iso-ir-157 latin6 l6 csisolatin6",
    "cp874": "iso-8859-11 iso8859-11 iso885911 tis-620 tis620 windows-874 cp874 dos-874 874",
    "iso8859-13": "iso-8859-13 iso8859-13 iso885913 latin7",
    "iso8859-14": "iso-8859-14 iso8859-14 iso885914 latin8",
    "iso8859-15": "iso-8859-15 iso8859-15 iso885915 iso_8859-15 latin-9 latin9 l9 csisolatin9",
    "iso8859-16": "iso-8859-16 iso8859-16 iso885916 latin10",
    "koi8-r": "koi8-r koi8_r koi8 koi koi8r cskoi8r",
    "koi8-u": "koi8-u koi8_u koi8-ru koi8u",
    "koi8-t": "koi8-t koi8_t",
    "kz1048": "kz-1048 kz1048 strk1048-2002 rk1048",
    "ptcp154": "ptcp154 csptcp154 pt154 cp154 cyrillic-asian",
    "mac-roman": "macintosh mac macroman mac-roman x-mac-roman x-macroman csmacintosh",
    "mac-cyrillic": "x-mac-cyrillic mac-cyrillic maccyrillic x-mac-ukrainian",
    "mac-greek": "x-mac-greek mac-greek",
    "mac-latin2": "x-mac-ce x-mac-centraleurroman mac-latin2 maccentraleurope",
    "mac-turkish": "x-mac-turkish mac-turkish",
    "mac-iceland": "x-mac-icelandic mac-iceland",
    "cp437": "ibm437 cp437 437 cspc8codepage437",
    "cp737": "ibm737 cp737",
    "cp775": "ibm775 cp775",
    "cp850": "ibm850 cp850 850 cspc850multilingual",
    "cp852": "ibm852 cp852 852 cspcp852",
    "cp855": "ibm855 cp855 855",
    "cp857": "ibm857 cp857 857",
    "cp858": "ibm00858 cp858 ccsid00858 cp00858 pc-multilingual-850+euro",
    "cp860": "ibm860 cp860",
    "cp861": "ibm861 cp861",
    "cp862": "ibm862 cp862 dos-862",
    "cp863": "ibm863 cp863",
    "cp864": "ibm864 cp864",
    "cp865": "ibm865 cp865",
    "cp866": "ibm866 cp866 866 csibm866",
    "cp869": "ibm869 cp869",
    "cp037": "ibm037 cp037 ebcdic-cp-us",
    "cp500": "ibm500 cp500",
    "cp1140": "ibm01140 cp1140",
    "gb18030": "gb18030 gbk gb2312 gb_2312 gb_2312-80 gb2312-80 chinese iso-ir-58 csgb2312 csiso58gb231280 "
    "x-gbk cp936 936 ms936 windows-936 euc-cn euccn euc_cn x-euc-cn gb-2312 gb18030-2000",
    "hz": "hz-gb-2312 hz hz-gb hzgb",
    "big5hkscs": "big5-hkscs big5hkscs big5_hkscs hkscs",
    "cp950": "big5 big-5 big5-eten cn-big5 csbig5 x-x-big5 x-big5 cp950 950 ms950 windows-950 big5-tw",
    "cp932": "shift_jis shift-jis shiftjis sjis s_jis x-sjis csshiftjis ms_kanji ms932 windows-31j cp932 "
    "932 cswindows31j mskanji windows-932",
    "shift_jis_2004": "shift_jis_2004 shift_jisx0213",
    "euc_jp": "euc-jp eucjp euc_jp x-euc-jp x-euc x-eucjp cseucpkdfmtjapanese ujis u-jis",
    "iso2022_jp_2": "iso-2022-jp iso2022jp iso2022-jp iso-2022-jp-1 iso-2022-jp-2 csiso2022jp csiso2022jp2 jis7 "
    "x-iso-2022-jp",
    "iso2022_jp_ext": "cp50220 cp50221 cp50222 iso-2022-jp-ms iso-2022-jp-ext",
    "iso2022_jp_2004": "iso-2022-jp-2004 iso-2022-jp-3",
    "cp949": "ks_c_5601-1987 ks_c_5601-1989 ks_c_5601 ksc5601 ksc_5601 korean iso-ir-149 csksc56011987 "
    "windows-949 cp949 949 ms949 uhc euc-kr euckr euc_kr cseuckr x-euc-kr x-windows-949",
    "johab": "johab cp1361 ms1361",
    "iso2022_kr": "iso-2022-kr iso2022kr csiso2022kr",
}
_CODEC = {label: codec for codec, labels in _LABELS.items() for label in labels.split()}
_LABEL_OCTETS = 64
# Seven-bit octets mean something else than ASCII in these, or may.
_NOT_ASCII = frozenset(
    {
        *("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-7", "hz", "johab"),
        *("iso2022_jp_2", "iso2022_jp_ext", "iso2022_jp_2004", "iso2022_kr"),
        *("cp037", "cp500", "cp1140", "cp864", "shift_jis_2004"),
    }
)
_SURROGATES = re.compile("[\ud800-\udfff]")


def known(charset: bytes | str | None) -> str | None:
    """The codec that reads this label, or None.  Case, and blanks or quotes around a label, do not count."""
    if not charset or len(charset) > _LABEL_OCTETS:
        return None
    label = charset.decode("latin-1") if isinstance(charset, bytes) else charset
    label = label.strip(" \t\r\n\"'").lower()
    return _CODEC.get(label) or _CODEC.get(label.replace("_", "-"))


def decode(raw: bytes, charset: bytes | str | None = None) -> str:
    """Text of ``raw``; what the charset cannot say becomes U+FFFD.

    Without a charset, with one nobody knows, and for 8-bit octets that claim to be US-ASCII: UTF-8 if it is UTF-8
    throughout, else windows-1252.
    """
    codec = known(charset) or "ascii"
    if codec not in _NOT_ASCII and raw.isascii():
        return raw.decode("ascii")
    if codec == "ascii":
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode("cp1252", "replace")
    text = raw.decode(codec, "replace")
    # The UTF-7 codec lets half a surrogate pair through, which nothing could encode again.
    return _SURROGATES.sub("\ufffd", text) if codec == "utf-7" else text
