"""What styles say about whether text shows.  CSS 2.2 §10, §11, §14, §15 and CSS Color 3, as far as mail uses them.

Colours are compared only where both are known: a picture or a class for the ground makes it unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

SMALLEST_PX: Final = 2.0
"""Letters of this size or less nobody reads."""
ALIKE: Final = 12
"""Steps of 255 in each colour that no eye tells apart on a screen."""
OFF_SCREEN_PX: Final = -400.0
RULES: Final = 500
"""Classes of a style sheet that are looked at."""

Colour = tuple[int, int, int]
Rules = dict[str, str]
"""Class → declarations, of simple selectors outside of @media."""


class Style(NamedTuple):
    """What an element hands on.  A colour of None is unknown.  ``gone`` stays for all inside; the size of letters and
    their colours do not: frameworks set size 0 around and a real size within, to close the gaps between blocks."""

    hidden: bool
    ink: Colour | None
    ground: Colour | None
    gone: bool = False
    tiny: bool = False


SHOWN: Final = Style(False, (0, 0, 0), (255, 255, 255))

_DECLARATION: Final = re.compile(r"([a-z-]{1,40})\s*:\s*([^;]{1,200})")
_NUMBER: Final = re.compile(r"\s*(-?[0-9]*\.?[0-9]+)\s*([a-z%]*)")
_BRACE: Final = re.compile(r"[{}]")
_CLASS: Final = re.compile(r"(?:[a-z0-9]+)?\.([A-Za-z0-9_-]{1,60})$")
_NAMED: Final[dict[str, Colour]] = {
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "red": (255, 0, 0),
    "green": (0, 128, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "gray": (128, 128, 128),
    "grey": (128, 128, 128),
    "silver": (192, 192, 192),
    "snow": (255, 250, 250),
    "ivory": (255, 255, 240),
    "whitesmoke": (245, 245, 245),
    "ghostwhite": (248, 248, 255),
    "navy": (0, 0, 128),
    "orange": (255, 165, 0),
}
_HEX: Final = re.compile(r"#?([0-9a-f]{6}|[0-9a-f]{3})\b")
_RGB: Final = re.compile(r"rgba?\(\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*(?:,\s*([0-9.]+)\s*)?\)")


def inherited(above: Style, name: str, attributes: Mapping[str, str], classes: Rules) -> Style:
    """The style inside an element with these attributes."""
    written = attributes.get("style", "")
    ink, ground = above.ink, above.ground
    if "class" in attributes:
        named = ";".join([classes[one] for one in attributes["class"].split()[:20] if one in classes])
        written = f"{named};{written}" if named else written
    said = declarations(written) if written else {}
    if "background" in attributes:
        ground = None
    elif "bgcolor" in attributes:
        ground = colour(attributes["bgcolor"])
    if "background-image" in said or "url(" in said.get("background", ""):
        ground = None
    elif "background" in said or "background-color" in said:
        ground = _over(ground, said.get("background-color") or said.get("background", ""))
    if "color" in said:
        ink = colour(said["color"])
    elif name == "font" and "color" in attributes:
        ink = colour(attributes["color"])
    gone = above.gone or "hidden" in attributes or hides(said)
    tiny = _is_tiny(said, above.tiny)
    return Style(gone or tiny or _alike(ink, ground), ink, ground, gone, tiny)


def rules(sheet: str) -> Rules:
    """Classes of a style sheet.  The first braces inside other braces are those of @media: left out."""
    found: Rules = {}
    for rule in _outside_of_media(sheet.lower()).split("}", RULES)[:RULES]:
        selectors, _, body = rule.partition("{")
        for selector in selectors[-300:].split(","):
            match = _CLASS.match(selector.strip())
            if match is not None:
                found[match[1]] = f"{found.get(match[1], '')};{body}"[:4_000]
    return found


def _outside_of_media(sheet: str) -> str:
    kept: list[str] = []
    at = 0
    while (begins := sheet.find("@media", at)) >= 0:
        kept.append(sheet[at:begins])
        depth, place = 0, begins
        for brace in _BRACE.finditer(sheet, begins):
            depth += 1 if brace[0] == "{" else -1
            if depth <= 0:
                place = brace.end()
                break
        else:
            return "".join(kept)
        at = place
    kept.append(sheet[at:])
    return "".join(kept)


@lru_cache(maxsize=2_048)
def _declarations(written: str) -> dict[str, str]:
    return {name: value.strip() for name, value in _DECLARATION.findall(written.lower())}


def declarations(written: str) -> dict[str, str]:
    """Property → value in lower case; the last of each counts."""
    return _declarations(written[:4_000])


def hides(said: Mapping[str, str]) -> bool:
    """Whether these declarations take the text from sight."""
    if not said:
        return False
    if said.get("display", "").startswith("none") or said.get("visibility", "")[:6] in ("hidden", "collap"):
        return True
    if said.get("mso-hide", "") == "all" and "display" in said:
        return True
    if _pixels(said.get("opacity", ""), 1.0) <= 0.05:
        return True
    sizes = (said.get("max-height"), said.get("max-width"), said.get("height"), said.get("width"))
    if said.get("overflow", "").startswith("hidden") and any(one and _pixels(one, 99.0) <= 1.0 for one in sizes):
        return True
    if said.get("position", "") in ("absolute", "fixed"):
        return any(_pixels(said.get(side, ""), 0.0) <= OFF_SCREEN_PX for side in ("left", "top", "right"))
    return _pixels(said.get("text-indent", ""), 0.0) <= OFF_SCREEN_PX


def _is_tiny(said: Mapping[str, str], above: bool) -> bool:
    """Whether letters are too small to read; a size said here replaces what was said around."""
    if "font-size" in said:
        size = said["font-size"]
        relative = size.endswith(("em", "%")) and not size.endswith("rem")
        return (above and relative) or _pixels(size, 99.0) <= SMALLEST_PX
    return _pixels(said["font"], 99.0) == 0.0 if "font" in said else above


def _pixels(value: str, default: float) -> float:
    match = _NUMBER.match(value)
    if match is None:
        return default
    number, unit = float(match[1]), match[2]
    if unit in ("em", "rem"):
        return number * 16
    if unit == "%":
        return number * 0.16
    return number * 1.333 if unit == "pt" else number


@lru_cache(maxsize=4_096)
def colour(value: str) -> Colour | None:
    """None where it is not known, or lets something through."""
    value = value.strip().lower()[:60]
    if value in _NAMED:
        return _NAMED[value]
    match = _HEX.match(value)
    if match is not None:
        digits = match[1] if len(match[1]) == 6 else "".join([digit * 2 for digit in match[1]])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    match = _RGB.search(value)
    if match is not None and (match[4] is None or _pixels(match[4], 1.0) >= 0.95):
        return int(match[1]), int(match[2]), int(match[3])
    return None


def _over(ground: Colour | None, value: str) -> Colour | None:
    """The ground under a value of ``background``."""
    if value.startswith(("transparent", "inherit", "none", "initial")):
        return ground
    first = value.split(" ", 1)[0]
    return colour(value if first.startswith("rgb") else first)


def _alike(ink: Colour | None, ground: Colour | None) -> bool:
    if ink is None or ground is None:
        return False
    return all(abs(one - other) <= ALIKE for one, other in zip(ink, ground, strict=True))
