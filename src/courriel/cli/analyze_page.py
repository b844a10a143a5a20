"""An analysis as one HTML page that stands alone: no script, no outside request, nothing to click on.

Everything from the message is text: escaped, defanged, hidden characters named.  The policy in its head forbids the
browser what the page does not do anyway (CSP Level 3 §6).
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from html import escape
from typing import Final

from courriel.base.i18n import translator
from courriel.cli import analyze_words as words
from courriel.cli.analyze_svg import way
from courriel.cli.output import octets
from courriel.threats.defang import defanged, pieces, unlinked, visible
from courriel.threats.dossier import Dossier, File, Mailbox
from courriel.threats.explain import Point, Translate

CSS: Final = """
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1b1f;--dim:#5c5c66;--line:#d8d8e0;--card:#f6f6f9}
@media(prefers-color-scheme:dark){:root{--bg:#17171b;--fg:#e8e8ee;--dim:#a0a0ac;--line:#3a3a44;--card:#202027}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:62rem;padding:1.5rem;font:16px/1.5 system-ui,sans-serif;background:var(--bg);
color:var(--fg);overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:1.6rem 0 .5rem}h3{font-size:1rem;margin:0}
.verdict{border:1px solid;border-left-width:.6rem;border-radius:.5rem;padding:1rem 1.2rem;background:var(--card)}
.malicious{border-color:#b3261e}.suspicious{border-color:#a37200}.clean{border-color:#2e7d43}.bulk{border-color:#2a6f97}
.level{text-transform:uppercase;letter-spacing:.05em;font-size:.85rem;font-weight:600}
.dim{color:var(--dim)}.bad{color:#c5372c}.good{color:#2e8b4f}.waiting{color:#b07d00}
ol.facts{list-style:none;padding:0;counter-reset:f}
.fact{border:1px solid var(--line);border-radius:.5rem;padding:.7rem 1rem;margin:.5rem 0;background:var(--card)}
.fact p{margin:.3rem 0}
q{font-style:italic;background:#ffe9a8;color:#3a2b00;padding:0 .2em;border-radius:.2em}
mark{background:#ffd24d;color:#221a00;border-radius:.2em;padding:0 .15em}
mark.unseen{background:#b3261e;color:#fff;font:.75em ui-monospace,monospace}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line)}
th{font-weight:600;color:var(--dim)}td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
code,.mono{font:.88em ui-monospace,monospace}
pre{white-space:pre-wrap;border:1px solid var(--line);border-radius:.5rem;padding:.8rem;background:var(--card);
font:.92rem/1.5 ui-monospace,monospace;max-height:40rem;overflow:auto}
pre.hidden{border:2px dashed #b3261e}
details{border-top:1px solid var(--line);margin-top:1.5rem;padding-top:.5rem}summary{cursor:pointer;font-weight:600}
.wide{overflow-x:auto}svg{max-width:none;height:auto}svg text{fill:var(--fg)}svg text.dim{fill:var(--dim)}
svg .box{fill:var(--card)}footer{margin-top:2rem;font-size:.85rem;color:var(--dim)}
"""

POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; "
    f"style-src 'sha256-{b64encode(sha256(CSS.encode()).digest()).decode()}'"
)


def page(dossier: Dossier) -> str:
    """The whole page of one message."""
    language = dossier.explanation.language
    _ = translator(language)
    about = visible(defanged(dossier.subject or dossier.source.name))
    title = f"{dossier.explanation.level} – {about}"
    return document(language, title, [*body(dossier, _, open_=True), _footer(dossier, _)])


def document(language: str, title: str, parts: Iterable[str]) -> str:
    """A page around ``parts``, which are HTML."""
    head = (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="robots" content="noindex">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n"
    )
    return head + "\n".join(parts) + "\n</body>\n</html>\n"


def body(dossier: Dossier, _: Translate, *, open_: bool) -> Iterator[str]:
    """One message: what anybody understands, and the proof below it, opened or not."""
    yield from _lay(dossier, _)
    yield f"<details{' open' if open_ else ''}><summary>{escape(_(words.DETAIL))}</summary>"
    yield from _card(dossier, _)
    if dossier.channel == "mail":
        yield from _checks(dossier, _)
        yield from _route(dossier, _)
    yield from _links(dossier, _)
    yield from _files(dossier, _)
    yield from _text(dossier, _)
    yield from _points(dossier, _)
    yield "</details>"


def safe(text: str, harmless: Callable[[str], str] = defanged) -> str:
    """Words of the message as HTML: escaped, defanged, every hidden character named and marked."""
    return "".join(
        f'<mark class="unseen">{escape(piece)}</mark>' if is_name else escape(harmless(piece))
        for piece, is_name in pieces(text)
    )


def sentence(text: str) -> str:
    """A sentence, or a quote in one: no link, but names of domains as everybody knows them."""
    return safe(text, unlinked)


def heading(text: str, _: Translate) -> str:
    """Of a section."""
    return f"<h2>{escape(_(text))}</h2>"


def note(text: str, style: str = "dim") -> str:
    """A line of our own words."""
    return f'<p class="{style}">{escape(text)}</p>'


# ------------------------------------------------------------------------------------------------- for anybody


def _lay(dossier: Dossier, _: Translate) -> Iterator[str]:
    said = dossier.explanation
    kind = f" · {escape(said.kind)}" if said.kind else ""
    definition = f"<p>{escape(said.definition)}</p>" if said.definition else ""
    yield (
        f'<section class="verdict {dossier.level}"><div class="level">{escape(said.level)}{kind}</div>'
        f'<h1>{escape(said.verdict)}</h1>{definition}<p class="dim">{escape(said.certainty)}</p></section>'
    )
    if said.deciding:
        yield heading(words.DECIDED, _)
        yield "<ol class=facts>" + "".join(f"<li>{_point(one, _)}</li>" for one in said.deciding) + "</ol>"
    if said.good is not None:
        yield heading(words.GOOD, _) + _point(said.good, _)
    yield heading(words.ADVICE, _)
    yield "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in said.advice) + "</ul>"
    if said.limits:
        yield heading(words.LIMITS, _)
        yield '<ul class="dim">' + "".join(f"<li>{escape(text)}</li>" for text in said.limits) + "</ul>"


def _point(point: Point, _: Translate) -> str:
    quotes = ""
    for place, quoted in words.quotes(point.evidence).items():
        listed = " · ".join(f"<q>{sentence(one)}</q>" for one in quoted)
        quotes += f'<p><span class="dim">{escape(words.where(place, _))}:</span> {listed}</p>'
    return (
        f'<div class="fact"><h3>{sentence(point.seen)}</h3>{quotes}<p>{sentence(point.why)}</p>'
        f"<p><strong>→</strong> {sentence(point.then)}</p></div>"
    )


# ------------------------------------------------------------------------------------------------- the proof


def _card(dossier: Dossier, _: Translate) -> Iterator[str]:
    card = dossier.card
    rows = [
        ("From", card.authors, _("several senders are named") if card.several else ""),
        ("Sender", (card.sender,) if card.sender else (), _differs("sender", dossier, _)),
        ("Reply-To", card.reply_to, _differs("reply_to", dossier, _)),
        ("Return-Path", (card.return_path,) if card.return_path else (), _differs("return_path", dossier, _)),
        ("To", card.recipients, ""),
    ]
    yield heading(words.CARD, _)
    lines = [
        (name, "<br>".join(map(_mailbox, people)) + (f'<br><span class="waiting">▲ {escape(note)}</span>' * bool(note)))
        for name, people, note in rows
        if people
    ]
    facts = (("Subject", dossier.subject), ("Date", dossier.date), ("Message-ID", dossier.message_id))
    lines += [(name, safe(value)) for name, value in facts if value]
    lines.append((_("File"), _file(dossier, _)))
    yield table((), ([f'<span class="dim">{escape(name)}</span>', value] for name, value in lines))


def _file(dossier: Dossier, _: Translate) -> str:
    source = dossier.source
    cut = " · " + escape(_("only its beginning was looked at")) if source.cut else ""
    digest = f'<br><span class="mono">sha256 {source.sha256}</span>' if source.sha256 else ""
    return f"{sentence(source.name)} · {octets(source.octets)}{cut}{digest}"


def _differs(name: str, dossier: Dossier, _: Translate) -> str:
    return _(words.DIFFERS[name]) if name in dossier.card.differs else ""


def _mailbox(one: Mailbox) -> str:
    address = f'<span class="mono">{safe(one.address)}</span>'
    return f"<strong>{safe(one.display)}</strong> {address}" if one.display else address


def _checks(dossier: Dossier, _: Translate) -> Iterator[str]:
    yield heading(words.CHECKS, _)
    yield note(visible(unlinked(words.checked_by(dossier, _))))
    if not dossier.checks:
        return
    rows = []
    for one in dossier.checks:
        result = f'<span class="{words.mood(one)}">{one.result}: {escape(words.check_result(one, _))}</span>'
        question = f'<span class="dim">{escape(words.check_question(one, _))}</span>'
        detail = " · ".join(filter(None, (one.domain, one.detail)))
        rows.append([f"<strong>{escape(one.method)}</strong>", f"{result}<br>{question}", safe(detail)])
    yield table((), rows)


def _route(dossier: Dossier, _: Translate) -> Iterator[str]:
    if not dossier.route:
        return
    yield heading(words.ROUTE, _)
    yield f'<div class="wide">{way(dossier.route, _)}</div>'
    if (more := dossier.stations_in_all - len(dossier.route)) > 0:
        yield note(_("  … and {count} earlier stations").format(count=more))


def _links(dossier: Dossier, _: Translate) -> Iterator[str]:
    if not dossier.links:
        return
    yield heading(words.LINKS, _)
    rows = [
        [
            safe(one.text) if one.text else f'<span class="dim">({escape(one.kind)})</span>',
            f'<code class="{"bad" if one.differs else ""}">{escape(visible(one.defanged))}</code>',
            safe(one.organisation or one.host),
        ]
        for one in dossier.links
    ]
    yield table((_("shown as"), _("leads to"), _("organisation")), rows)
    yield from _more(dossier.links_in_all, len(dossier.links), _)


def _files(dossier: Dossier, _: Translate) -> Iterator[str]:
    if not dossier.files:
        return
    yield heading(words.FILES, _)
    rows = [
        [
            sentence(one.name) or "–",
            _file_type(one, _),
            octets(one.octets),
            f'<span class="mono">{one.sha256}</span>',
        ]
        for one in dossier.files
    ]
    yield table((_("name"), _("really is"), _("size"), "SHA-256"), rows)
    yield from _more(dossier.files_in_all, len(dossier.files), _)


def _file_type(one: File, _: Translate) -> str:
    style = "bad" if one.real_type in words.DANGEROUS else ""
    real = f'<span class="{style}">{escape(_(words.FILES_ARE[one.real_type]))}</span>'
    return f'{real}<br><span class="dim">{sentence(one.media_type)}</span>'


def _more(in_all: int, shown: int, _: Translate) -> Iterator[str]:
    if in_all > shown:
        yield note(_("{count} in all").format(count=in_all))


def _text(dossier: Dossier, _: Translate) -> Iterator[str]:
    text = dossier.text
    yield heading(words.TEXT, _)
    yield f"<pre>{marked(text.readable, _quotes(dossier))}</pre>"
    if text.hidden.strip():
        yield note(_("hidden from readers"), "bad") + f'<pre class="hidden">{safe(text.hidden)}</pre>'
    if text.plain.strip() and text.plain.split() != text.visible.split():
        summary = escape(_("the other version, in plain text"))
        yield f"<details><summary>{summary}</summary><pre>{safe(text.plain)}</pre></details>"
    if text.cut:
        yield note(_("Cut: the text is longer."))


def _quotes(dossier: Dossier) -> list[str]:
    """The words of the text that decided, longest first."""
    found = {one.words for point in dossier.explanation.deciding for one in point.evidence if one.where == "text"}
    return sorted((text for text in found if text.strip()), key=len, reverse=True)


def marked(text: str, quotes: Iterable[str]) -> str:
    """The text as HTML, with the first place of each quote marked, whatever blanks are between its words; quotes that
    overlap an earlier one, or are only part of a word, are left."""
    spans: list[tuple[int, int]] = []
    for quote in quotes:
        wanted = r"\s+".join(map(re.escape, quote.split()))
        found = re.search(rf"(?<!\w){wanted}(?!\w)", text)
        if found is not None and all(found.end() <= start or found.start() >= end for start, end in spans):
            spans.append(found.span())
    parts: list[str] = []
    at = 0
    for start, end in sorted(spans):
        parts += [safe(text[at:start]), f"<mark>{safe(text[start:end])}</mark>"]
        at = end
    return "".join([*parts, safe(text[at:])])


def _points(dossier: Dossier, _: Translate) -> Iterator[str]:
    yield heading(words.POINTS, _)
    rows = [
        [
            f'<span class="{"bad" if one.weight > 0 else "good"}">{one.weight:+.2f}</span>',
            f"<code>{sentence(one.signal)}</code>",
            escape(one.group),
            sentence(one.seen),
        ]
        for one in dossier.explanation.points
    ]
    rows.append([f"{dossier.prior:+.2f}", "–", "", escape(_("before anything was looked at"))])
    total = _("sum: not wanted with {percent}").format(percent=words.percent(dossier.probability))
    rows.append([f"<strong>{dossier.score:+.2f}</strong>", "", "", f"<strong>{escape(total)}</strong>"])
    yield table((_("weight"), _("signal"), _("about"), _("seen")), rows)


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Titles are text, cells are HTML."""
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table>{f"<tr>{head}</tr>" * bool(head)}{lines}</table></div>'


def _footer(dossier: Dossier, _: Translate) -> str:
    text = _("Made by courriel analyze. Links are written so that nobody opens them by mistake; nothing was fetched.")
    return f"<footer>{escape(text)} <code>{escape(dossier.schema)}</code></footer>"
