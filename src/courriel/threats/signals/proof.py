"""Whether the author's domain is proven by what the server's checks of the message found.

A proof wants one From with one mailbox: of several, readers show whichever they like ("Composition Kills", USENIX
2020), so then nothing counts as proven.
"""

from __future__ import annotations

from courriel.model.judgement import Judgement
from courriel.model.verdict import Result
from courriel.threats.view import Person, View


def author(view: View) -> Person | None:
    """The one author, None where there are several or none."""
    return view.authors[0] if len(view.authors) == 1 and _froms(view) <= 1 and view.authors[0].domain else None


def proven(view: View) -> bool:
    """Whether DMARC, a signature or the reverse-path proves the author's domain or one of its organisation."""
    judgement, person = view.arrival.judgement, author(view)
    return judgement is not None and person is not None and _proves(judgement, person)


def disproven(view: View) -> bool:
    """Whether DMARC says that the author's domain did not send it."""
    judgement = view.arrival.judgement
    return judgement is not None and judgement.dmarc.result is Result.FAIL


def bare(view: View) -> bool:
    """Judged, and nothing at all speaks for any sender: no reverse-path that passes, no signature, be it a broken one
    (lists and forwarders break those of honest senders)."""
    judgement = view.arrival.judgement
    if judgement is None or Result.PASS in (judgement.origin.spf.result, judgement.dmarc.result):
        return False
    return all(one.result is Result.NONE for one in judgement.dkim.signatures)


def from_list(view: View) -> bool:
    """A mailing list's: it changes messages and sends them itself, so the author's proofs do not survive."""
    return any(name in ("list-id", "list-post", "mailing-list") for name, _ in view.headers)


def under(domain: str, organisation: str) -> bool:
    """Whether a domain is this one or below it."""
    return bool(organisation) and (domain == organisation or domain.endswith(f".{organisation}"))


def _proves(judgement: Judgement, person: Person) -> bool:
    dmarc, organisation = judgement.dmarc, person.organisation or person.domain
    if dmarc.result is Result.FAIL:
        return False
    if dmarc.result is Result.PASS:
        return not dmarc.domain or dmarc.domain.lower() == person.domain
    spf = judgement.origin.spf
    passed = [one.domain.lower() for one in judgement.dkim.signatures if one.result is Result.PASS]
    if spf.result is Result.PASS and spf.scope == "mfrom":
        passed.append(spf.domain.lower().rpartition("@")[2])
    return any(under(domain, organisation) for domain in passed)


def _froms(view: View) -> int:
    return sum(name == "from" for name, _ in view.headers)
