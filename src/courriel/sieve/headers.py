"""Which header fields a test looks at: of the message or of its parts, all of a name or one by its number.

``:index`` RFC 5260 §6; ``:mime`` and ``:anychild`` RFC 5703 §4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from courriel.base.i18n import N_
from courriel.formats.message.media import media_type
from courriel.formats.message.parse import Part
from courriel.formats.parameters import parameters
from courriel.sieve.message import Fields
from courriel.sieve.run import Run
from courriel.sieve.usage import Given, Tags, TagUsage, Takes

HEADER_TAGS: Final[Tags] = {
    "index": TagUsage(Takes.NUMBER, "index"),
    "last": TagUsage(needs="index"),
    "mime": TagUsage(needs="mime"),
    "anychild": TagUsage(needs="mime"),
    "type": TagUsage(needs="mime", group="mime"),
    "subtype": TagUsage(needs="mime", group="mime"),
    "contenttype": TagUsage(needs="mime", group="mime"),
    "param": TagUsage(Takes.STRINGS, "mime", "mime"),
}

Values = Callable[[Run, Sequence[str]], list[str]]


def current_part(run: Run) -> Part | None:
    """The part that the innermost ``foreverypart`` is at."""
    found = run.parts[-1] if run.parts else None
    assert found is None or isinstance(found, Part)
    return found


def below(part: Part) -> Iterator[Part]:
    """The parts inside a part, as they stand; those of messages inside, too."""
    waiting = list(reversed(part.children)) if part.message is None else [part.message]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(reversed(one.children) if one.message is None else [one.message])


def values_of(given: Given, *, decoded: bool) -> Values:
    """The way to the values of fields; ``decoded`` as text, else as they stand."""
    number, last = given.tag_number("index"), given.has("last")
    if last and number is None:
        given.compiler.wrong(given.line, N_("“:last” goes with “:index”"))
    if not given.has("mime") and given.one_of("anychild", "type", "subtype", "contenttype", "param"):
        given.compiler.wrong(given.line, N_("“:anychild” and the like go with “:mime”"))
    if number == 0:
        given.compiler.wrong(given.line, N_("“:index” counts from 1"))
    blocks = _blocks(given)
    piece = _piece(given)

    def values(run: Run, names: Sequence[str]) -> list[str]:
        found: list[str] = []
        for fields in blocks(run):
            run.spend()
            for name in names:
                key = name.lower()
                texts = (
                    fields.values(key)
                    if decoded and piece is None
                    else [one.decode("utf-8", "surrogateescape") for one in fields.raw(key)]
                )
                if number is not None:
                    place = len(texts) - number if last else number - 1
                    texts = [texts[place]] if 0 <= place < len(texts) else []
                found += texts if piece is None else [one for text in texts for one in piece(run, key, text)]
        return found

    return values


def _blocks(given: Given) -> Callable[[Run], list[Fields]]:
    if not given.has("mime"):
        return lambda run: [run.message.fields]
    any_child = given.has("anychild")

    def blocks(run: Run) -> list[Fields]:
        part, content = current_part(run), run.message.content
        found = [run.message.fields if part is None else Fields(content[part.start : part.body])]
        if any_child:
            top = run.message.tree if part is None else part
            found += [Fields(content[one.start : one.body]) for one in below(top)]
        return found

    return blocks


Piece = Callable[[Run, str, str], list[str]]


def _piece(given: Given) -> Piece | None:
    """What of a structured value is compared.  RFC 5703 §4.1."""
    kind = given.one_of("type", "subtype", "contenttype", "param")
    if not kind:
        return None
    names = given.tag_texts("param")
    if names is not None:
        wanted = names

        def values_of_parameters(run: Run, _name: str, text: str) -> list[str]:
            known = parameters(text.encode("utf-8", "surrogateescape")).decoded
            keys = [one.lower().encode() for one in wanted(run)]
            return [known[key] for key in keys if key in known]

        return values_of_parameters

    def piece(_run: Run, name: str, text: str) -> list[str]:
        raw = text.encode("utf-8", "surrogateescape")
        if name != "content-type":  # Content-Disposition has a type and nothing below it
            value = parameters(raw).value.decode("utf-8", "replace").lower()
            return [] if kind == "subtype" else [value]
        full = media_type(raw).full.decode("utf-8", "replace")
        main, _, sub = full.partition("/")
        return [{"type": main, "subtype": sub}.get(kind, full)]

    return piece
