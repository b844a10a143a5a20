"""Text made to be read differently by people and by machines.

Filters and people see different words when text is invisible, when invisible characters split words, when letters of
other alphabets or of mathematics stand for Latin ones, or when text runs the other way.

How it is evaded: pictures of text; words that are wrong in no alphabet. What is hidden in good mail: the preview line
of newsletters (short), soft hyphens of German ones, joiners of emoji and of Arabic or Indic scripts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from courriel.base.i18n import N_
from courriel.model.threat import EVIDENCE_CHARACTERS, Evidence, Finding, Group, Kind
from courriel.threats.phrases.quote import window
from courriel.threats.signal import Look, Signal
from courriel.threats.signals import advice
from courriel.threats.view import View

HIDDEN_LETTERS: Final = 250
"""Letters of hidden text from which it is no preview line any more (mail programs show 150 of those)."""
SPLIT_WORDS: Final = 2
"""Words split by invisible characters; one may be an accident of copying."""
SOFT_WORDS: Final = 12
"""Words with soft hyphens: good mail of long words has some."""
MIXED_WORDS: Final = 2
FANCY_LETTERS: Final = 4

_INVISIBLE: Final = re.compile(
    "[a-zA-Z\u00c0-\u024f\u0400-\u04ff][\u200b-\u200f\u2060-\u2064\ufeff\u034f\u180e]+(?=[^\\W\\d_])"
)
_SOFT: Final = re.compile("[^\\W\\d_]\u00ad(?=[^\\W\\d_])")
_TURNED: Final = re.compile("[\u202a\u202b\u202d\u202e\u2066-\u2068]")
_RIGHT_TO_LEFT: Final = re.compile("[\u0590-\u08ff\ufb1d-\ufefc]")
_FOREIGN_WORD: Final = re.compile("[^\\W\\d_]*[\u0370-\u03ff\u0400-\u058f\u13a0-\u13ff\u2c80-\u2cff][^\\W\\d_]*")
_FOREIGN: Final = re.compile("[\u0370-\u03ff\u0400-\u058f\u13a0-\u13ff\u2c80-\u2cff]")
_UNSEEN: Final = re.compile("[\u200b-\u200f\u2060-\u2064\ufeff\u034f\u180e]")
_LATIN: Final = re.compile("[A-Za-z\u00c0-\u024f]")
_SYMBOL_GREEK: Final = frozenset("αβγδεζηθκλμνπρσςτφχψωΔΘΛΞΠΣΦΨΩµ")
_FANCY: Final = re.compile("[\U0001d400-\U0001d7ff\uff21-\uff3a\uff41-\uff5a\u24b6-\u24e9\U0001f130-\U0001f189]")
_SPACED: Final = re.compile(r"(?<![^\s])(?:[^\W\d_] ){3,}[^\W\d_](?![^\s])")

HIDDEN: Final = Signal(
    name="content.hidden-text",
    group=Group.CONTENT,
    seen=N_("The message contains {letters} letters of text that you cannot see."),
    why=N_("Invisible text is put into a message to mislead filters, or to make it look like an ordinary one."),
    then=advice.LOOK_TWICE,
    weights={Kind.PHISHING: 1.6, Kind.SPAM: 1.6},
)
SPLIT: Final = Signal(
    name="content.split-words",
    group=Group.CONTENT,
    seen=N_("Invisible characters split {count} words of the message."),
    why=N_("You read the word, a filter reads something else. Nobody writes like that by accident."),
    then=advice.LOOK_TWICE,
    weights={Kind.PHISHING: 2.2, Kind.SPAM: 2.0},
)
TURNED: Final = Signal(
    name="content.turned-text",
    group=Group.CONTENT,
    seen=N_("Part of the text is turned round by invisible characters."),
    why=N_("What you read is not what is written; this hides the real name of a file or a site."),
    then=advice.LOOK_TWICE,
    weights={Kind.PHISHING: 2.0, Kind.MALWARE: 1.0},
)
MIXED: Final = Signal(
    name="content.mixed-alphabets",
    group=Group.CONTENT,
    seen=N_("{count} words mix letters of different alphabets that look alike."),
    why=N_("A Cyrillic “а” looks like a Latin one. Such words are written to get past filters."),
    then=advice.LOOK_TWICE,
    weights={Kind.PHISHING: 2.2, Kind.SPAM: 2.0},
)
FANCY: Final = Signal(
    name="content.fancy-letters",
    group=Group.CONTENT,
    seen=N_("Words are written with mathematical or decorative letters."),
    why=N_("They look like ordinary letters, but filters do not read them as such."),
    then=advice.LOOK_TWICE,
    weights={Kind.SPAM: 1.2, Kind.PHISHING: 1.0},
)
SPACED: Final = Signal(
    name="content.spaced-letters",
    group=Group.CONTENT,
    seen=N_("A word is written with blanks between its letters."),
    why=N_("You still read the word, a filter does not."),
    then=advice.LOOK_TWICE,
    weights={Kind.SPAM: 0.7, Kind.PHISHING: 0.5},
    fact=False,
)


def hidden(view: View) -> Iterable[Finding]:
    """Hidden text: how much there is, alone and against what is visible."""
    if len(view.hidden) < HIDDEN_LETTERS:
        return
    letters = sum(map(str.isalpha, view.hidden))
    if letters >= HIDDEN_LETTERS:
        share = letters / (letters + len(view.visible))
        words = " ".join(view.hidden[: 2 * EVIDENCE_CHARACTERS].split())[:EVIDENCE_CHARACTERS]
        strength = min(1.0, 0.4 + share)
        yield Finding(HIDDEN.name, HIDDEN.group, strength, (Evidence("hidden", words),), {"letters": str(letters)})


def disguised(view: View) -> Iterable[Finding]:
    """Tricks with characters, in the subject and the text.  Nothing to do where all is ASCII."""
    for where, text in (("subject", view.subject), ("text", view.visible)):
        if not text.isascii():
            yield from _characters(where, text)


def spaced(view: View) -> Iterable[Finding]:
    """Single letters in a row, but not lists of them: a word has a vowel and repeats less than a list."""
    for where, text in (("subject", view.subject), ("text", view.visible[:20_000])):
        for found in _SPACED.finditer(text):
            word = found[0].replace(" ", "").lower()
            if set(word) & set("aeiouy") and not _alphabetical(word):
                yield Finding(SPACED.name, SPACED.group, 0.6, (Evidence(where, found[0][:EVIDENCE_CHARACTERS]),))
                return


def _characters(where: str, text: str) -> Iterable[Finding]:
    odd = "".join(set(text))  # what is not there at all need not be looked for in place
    invisible = list(_INVISIBLE.finditer(text)) if _UNSEEN.search(odd) else []
    soft = list(_SOFT.finditer(text)) if "\u00ad" in odd else []
    if len(invisible) >= SPLIT_WORDS or len(soft) >= SOFT_WORDS:
        found = invisible if len(invisible) >= SPLIT_WORDS else soft
        strength = min(1.0, 0.5 + len(found) / 20)
        yield _finding(SPLIT, where, text, found[0], strength, len(found))
    turned = _TURNED.search(text) if _TURNED.search(odd) else None
    if turned and not _RIGHT_TO_LEFT.search(text):
        yield _finding(TURNED, where, text, turned, 1.0, 1)
    mixed = [word for word in _FOREIGN_WORD.finditer(text) if _mixed(word[0])] if _FOREIGN.search(odd) else []
    if len(mixed) >= MIXED_WORDS:
        yield _finding(MIXED, where, text, mixed[0], min(1.0, 0.5 + len(mixed) / 10), len(mixed))
    fancy = list(_FANCY.finditer(text)) if _FANCY.search(odd) else []
    if len(fancy) >= FANCY_LETTERS:
        yield _finding(FANCY, where, text, fancy[0], min(1.0, 0.4 + len(fancy) / 40), len(fancy))


def _finding(signal: Signal, where: str, text: str, at: re.Match[str], strength: float, count: int) -> Finding:
    evidence = Evidence(where, window(text, at.start(), at.end()))
    return Finding(signal.name, signal.group, strength, (evidence,), {"count": str(count)})


def _mixed(word: str) -> bool:
    """Latin and look-alike letters in one word of four letters or more; a Greek letter that is a symbol is none."""
    foreign = [letter for letter in word if not _LATIN.match(letter)]
    return 4 <= len(word) <= 40 and 0 < len(foreign) < len(word) and not set(foreign) <= _SYMBOL_GREEK


def _alphabetical(word: str) -> bool:
    return list(word) == sorted(word) or len(set(word)) <= 2


SIGNALS: Final[tuple[Signal, ...]] = (HIDDEN, SPLIT, TURNED, MIXED, FANCY, SPACED)
LOOKS: Final[tuple[Look, ...]] = (hidden, disguised, spaced)
