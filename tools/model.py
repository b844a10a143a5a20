"""Makes the model that comes with the package: ``make model KIT=DIR``.

Data in, three tables of words, weights.json and their card (docs/threat-model.md) out.  Only rows of permissive
licences are learnt from (``kit.PERMISSIVE``).  No network, no chance: the same rows give the same octets.
"""

from __future__ import annotations

import argparse
import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from courriel.model.threat import Channel
from tools import kit
from tools.figures import table
from tools.fit import Model, Read, build, look

ROOT = Path(__file__).resolve().parent.parent
TABLES = ROOT / "src" / "courriel" / "threats" / "tables"
CARD = ROOT / "docs" / "threat-model.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make model", description=__doc__)
    parser.add_argument("kit")
    folder = Path(parser.parse_args().kit)
    rows = [look(row) for row in kit.rows(folder) if row.licence in kit.PERMISSIVE]
    model = build(rows)
    TABLES.mkdir(exist_ok=True)
    for channel, raw in model.files.items():
        (TABLES / f"{channel.value}.words").write_bytes(raw)
    (TABLES / "weights.json").write_bytes(weights_file(model))
    CARD.write_text(card(rows, model), encoding="utf-8")


def weights_file(model: Model) -> bytes:
    """The weights of all channels, one to a line."""
    return msgspec.json.format(msgspec.json.encode(model.weights), indent=1) + b"\n"


def card(rows: Sequence[Read], model: Model) -> str:
    """What the model was made from, and what it is."""
    counts = Counter((row.source, row.licence, row.label) for row in rows)
    taught = [[*key, count] for key, count in sorted(counts.items())]
    files = [
        [f"{channel.value}.words", len(raw), hashlib.sha256(raw).hexdigest()[:16], _heads(model, channel)]
        for channel, raw in model.files.items()
    ]
    weights = weights_file(model)
    files.append(["weights.json", len(weights), hashlib.sha256(weights).hexdigest()[:16], ""])
    return _CARD.format(
        rows=len(rows),
        files=table(["file", "octets", "SHA-256 begins", "heads"], files),
        taught=table(["source", "licence", "label", "rows"], taught),
    )


def _heads(model: Model, channel: Channel) -> str:
    return ", ".join(head.name for head in model.tables[channel].heads)


_CARD = """\
# The model of malicious messages

Made by `make model KIT=DIR` from {rows} rows of the evaluation kit; this page is written by the same command. What it
reaches is in [threat-eval.md](threat-eval.md).

## What it is

- *Tables of words*: for mail, text messages and calls, a logistic regression over hashed words and pairs of words (for
  the latter two also runs of 2 to 4 characters), cut to the 40,000 heaviest features, in octets. A file has a version
  and a checksum; it holds numbers only and no code.
- *Weights*: how much the words and each signal count. A signal's weight is set by hand where it is defined; fitting may
  make it a quarter to twice as large and never turns its sign. Weights are fitted on sources that the words have not
  seen.

{files}

## What it learnt from

Only rows whose licence lets the outcome be passed on. Trap mail under a non-commercial licence, academic and unlicensed
collections, and Enron-Spam (no licence) are measured with, never learnt from.

{taught}

Each answer weighs one half; inside it, a source weighs as the root of its size, and a campaign of near-duplicates as
two messages at most. What collectors and mailing lists add (their headers, subject tags, footers) is taken away first.
Generated requests for transfers (`bec-adjei`) teach the question "is money asked for?" only, since they would teach
that business talk is bad.

## What it is not

- Good mail is mailing lists of 2019–2026 and personal and commercial mail of 2002–2010: newsletters, receipts and
  business mail of today are missing. So words alone never make a message malicious, and an account's own marks count.
- Nothing permissive has real calls: for them the text messages stand in, and the signals must do the work.
- French is templates of our own and translated text messages.
"""


if __name__ == "__main__":
    main()
