"""How good is the recognition of malicious messages?  ``make eval KIT=DIR ARGS='--cross --json FILE'``

Any folder in the form of the evaluation kit: index.csv and one tar.gz (or folder) per source.  The model that comes
with the package is measured; ``--cross`` also learns from some sources and tests on others (rows X1 to X7), which is
for measuring only, since those rows may be learnt from but not shipped.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from courriel.model.threat import Channel, Kind, Level, Report
from courriel.threats import words
from courriel.threats.scan import scan
from courriel.threats.signals import catalogue
from courriel.threats.weights import weights
from tools import kit
from tools.figures import calibration, roc, table
from tools.fit import Model, Read, build, look

WANTED = {
    "spam": {Kind.SPAM, Kind.SCAM},
    "sms_spam": {Kind.SPAM, Kind.SCAM},
    "phishing": {Kind.PHISHING},
    "spear_phishing": {Kind.SPEAR_PHISHING},
    "whaling": {Kind.WHALING},
    "spoofing": {Kind.SPOOFING},
    "smishing": {Kind.SMISHING},
    "vishing": {Kind.VISHING},
}
"""Label → the kinds that name it."""
OLD = {"spamassassin", "csdmc2010"}
LISTS = {"list-usrp", "list-cake", "list-cocci", "list-man"}
TRAP = {"phishing_pot", "cwl-corpus"}
FIGURES = ("bad", "good", "auc", "tpr_at_0.1%", "tpr_at_1%", "fpr_at_99%")
TIMED = 1_500

Judged = list[tuple[Read, Report]]


def main() -> None:
    arguments = _arguments()
    folder = Path(arguments.kit)
    rows = [look(row) for row in kit.rows(folder)]
    model = shipped()
    judged = [(row, model.judge(row)) for row in rows]
    result: dict[str, Any] = {"kit": str(folder.resolve()), "messages": len(rows)}
    for name, part in (
        ("channels", channels),
        ("sources", sources),
        ("languages", languages),
        ("kinds", kinds),
        ("hard", hard),
        ("reasons", reasons),
        ("calibration", bins),
        ("ablation", ablation),
    ):
        text, figures = part(judged)
        result[name] = figures
        print(f"\n## {name}\n\n{text}", flush=True)
    if arguments.speed:
        text, result["speed"] = speed(folder)
        print(f"\n## speed\n\n{text}", flush=True)
    if arguments.cross:
        text, result["cross"] = cross(rows)
        print(f"\n## cross\n\n{text}", flush=True)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(result, indent=1), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make eval", description=__doc__)
    parser.add_argument("kit")
    parser.add_argument("--cross", action="store_true", help="learn from some sources, test on others")
    parser.add_argument("--speed", action="store_true", help="messages a CPU second, from raw octets")
    parser.add_argument("--json", metavar="FILE")
    return parser.parse_args()


def shipped() -> Model:
    """The model that comes with the package."""
    every = tuple(Channel)
    return Model({}, {one: words.model(one) for one in every}, {one: weights(one) for one in every})


def _roc(judged: Iterable[tuple[Read, Report]]) -> dict[str, float]:
    several = list(judged)
    return roc([report.score for _, report in several], [row.bad for row, _ in several])


def _line(name: str, figures: dict[str, float]) -> list[object]:
    return [name, *[figures.get(one, "") for one in FIGURES]]


def channels(judged: Judged) -> tuple[str, object]:
    """How well bad and good are told apart."""
    several = {one.value: _roc([pair for pair in judged if pair[0].channel is one]) for one in Channel}
    real = [pair for pair in judged if pair[0].file.endswith(".eml") and pair[0].source != "synthetic-own"]
    several["raw mail"] = _roc(real)
    modern = [pair for pair in real if pair[0].source in LISTS | TRAP]
    several["modern raw mail"] = _roc(modern)
    return table(["channel", *FIGURES], [_line(*one) for one in several.items()]), several


def _groups(judged: Judged, of: Callable[[Read], str]) -> tuple[str, object]:
    groups: dict[str, Judged] = defaultdict(list)
    for pair in judged:
        groups[of(pair[0])].append(pair)
    lines, found = [], {}
    for name, several in sorted(groups.items()):
        levels = Counter(report.level for _, report in several)
        error, _ = calibration([report.probability for _, report in several], [row.bad for row, _ in several])
        shares = {level.value: levels[level] / len(several) for level in Level}
        found[name] = {"messages": len(several), **shares, "ece": error}
        lines.append([name, len(several), *[f"{100 * share:.1f} %" for share in shares.values()], error])
    return table(["what", "messages", *[level.value for level in Level], "ECE"], lines), found


def sources(judged: Judged) -> tuple[str, object]:
    """What each source's rows are called, by label."""
    return _groups(judged, lambda row: f"{row.source} {row.label}")


def languages(judged: Judged) -> tuple[str, object]:
    """The same by language."""
    return _groups(judged, lambda row: f"{row.lang or '?'} {'bad' if row.bad else 'good'} {row.channel.value}")


def kinds(judged: Judged) -> tuple[str, object]:
    """Named as labelled.  Precision counts other bad rows and good ones that bear the name."""
    lines, found = [], {}
    for label, wanted in WANTED.items():
        mine = [report for row, report in judged if row.label == label]
        named = sum(report.kind in wanted for report in mine)
        bearing = sum(report.kind in wanted for _, report in judged)
        same = sum(report.kind in wanted and WANTED.get(row.label) == wanted for row, report in judged)
        other = Counter(report.kind.value if report.kind else "-" for report in mine).most_common(4)
        found[label] = {"recall": named / max(1, len(mine)), "precision": same / max(1, bearing)}
        lines.append([label, len(mine), *found[label].values(), ", ".join(f"{kind} {count}" for kind, count in other)])
    return table(["label", "rows", "recall", "precision", "named"], lines), found


def hard(judged: Judged) -> tuple[str, object]:
    """Commercial good mail, and the official French samples, and the rows that were read one by one."""
    chosen = [pair for pair in judged if pair[0].also]
    return _groups(chosen, lambda row: f"{';'.join(sorted(row.also))[:40]} {row.label}")


def reasons(judged: Judged) -> tuple[str, object]:
    """Whether what is called bad has a fact, and the reasons add up."""
    called = [report for _, report in judged if report.level in (Level.SUSPICIOUS, Level.MALICIOUS)]
    signals = catalogue()

    def fact(report: Report) -> bool:
        found = [signals.get(reason.finding.signal) for reason in report.reasons if reason.weight > 0]
        return any(signal is not None and signal.fact for signal in found)

    off = max(
        abs(report.score - report.prior - sum(reason.weight for reason in report.reasons)) for _, report in judged
    )
    figures = {
        "called bad": len(called),
        "with a fact": sum(map(fact, called)) / max(1, len(called)),
        "malicious with a fact": float(all(fact(one) for one in called if one.level is Level.MALICIOUS)),
        "largest difference of score and reasons": off,
    }
    return table(["what", "figure"], [[*one] for one in figures.items()]), figures


def bins(judged: Judged) -> tuple[str, object]:
    """Calibration: what was said, what was so."""
    found, text = {}, []
    for channel in Channel:
        several = [pair for pair in judged if pair[0].channel is channel]
        error, parts = calibration([report.probability for _, report in several], [row.bad for row, _ in several])
        found[channel.value] = {"ece": error, "bins": parts}
        lines = [[f"{mean:.2f}", f"{share:.2f}", count, "#" * round(40 * share)] for mean, share, count in parts]
        text.append(f"{channel.value}: ECE {error:.3f}\n\n" + table(["said", "was", "messages", ""], lines))
    return "\n\n".join(text), found


def ablation(judged: Judged) -> tuple[str, object]:
    """What each signal is worth in mail: how often it is there, and the figures without it."""
    mail = [pair for pair in judged if pair[0].channel is Channel.MAIL]
    answers = [row.bad for row, _ in mail]
    base = roc([report.score for _, report in mail], answers)
    names = sorted({reason.finding.signal for _, report in mail for reason in report.reasons})
    lines, found = [], {}
    for name in names:
        at = [sum(one.weight for one in report.reasons if one.finding.signal == name) for _, report in mail]
        without = roc([report.score - weight for (_, report), weight in zip(mail, at, strict=True)], answers)
        bad = sum(bool(weight) and answer for weight, answer in zip(at, answers, strict=True))
        good = sum(bool(weight) and not answer for weight, answer in zip(at, answers, strict=True))
        found[name] = {
            "bad": bad / max(1, sum(answers)),
            "good": good / max(1, len(answers) - sum(answers)),
            **{one: without.get(one, 0.0) - base.get(one, 0.0) for one in ("auc", "tpr_at_0.1%", "tpr_at_1%")},
        }
        shares = [f"{100 * found[name][one]:.1f} %" for one in ("bad", "good")]
        lines.append([name, *shares, *[f"{found[name][one]:+.4f}" for one in ("auc", "tpr_at_0.1%", "tpr_at_1%")]])
    return table(["signal", "in bad", "in good", "AUC without", "TPR@0.1 % without", "TPR@1 % without"], lines), found


def speed(folder: Path) -> tuple[str, object]:
    """Raw mail in, report out."""
    mail = [row for row in kit.rows(folder) if row.file.endswith(".eml")]
    step = max(1, len(mail) // TIMED)
    chosen = [row.raw for row in mail[::step]]
    for raw in chosen[:50]:
        scan(raw)
    each = []
    for raw in chosen:
        begins = time.process_time()
        scan(raw)
        each.append(time.process_time() - begins)
    each.sort()
    figures = {
        "messages": len(chosen),
        "mean octets": sum(map(len, chosen)) / len(chosen),
        "messages a CPU second": len(each) / sum(each),
        "median ms": 1e3 * each[len(each) // 2],
        "p99 ms": 1e3 * each[int(0.99 * len(each))],
        "slowest ms": 1e3 * each[-1],
        "most memory MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    return table(["what", "figure"], [[*one] for one in figures.items()]), figures


# ------------------------------------------------------------------------------------------------- across sources


def _kept_back(row: Read) -> bool:
    """A fifth of the rows, near-duplicates together."""
    return zlib.crc32(row.cluster.encode()) % 5 == 0


def _mail(row: Read) -> bool:
    return row.channel is Channel.MAIL


def _raw(row: Read) -> bool:
    return _mail(row) and row.file.endswith(".eml") and row.source != "synthetic-own"


Choice = Callable[[Read], bool]
SMS = Channel.SMS
CROSS: tuple[tuple[str, Channel, Choice, Choice], ...] = (
    ("X1 SpamAssassin → CSDMC", Channel.MAIL, lambda r: r.source == "spamassassin", lambda r: r.source == "csdmc2010"),
    ("X2 CSDMC → SpamAssassin", Channel.MAIL, lambda r: r.source == "csdmc2010", lambda r: r.source == "spamassassin"),
    (
        "X3 old mail → trap and lists",
        Channel.MAIL,
        lambda r: r.source in OLD | {"enron-spam"},
        lambda r: _raw(r) and r.source in LISTS | {"phishing_pot"},
    ),
    (
        "X4 trap and lists → old mail",
        Channel.MAIL,
        lambda r: r.source in LISTS | {"phishing_pot"},
        lambda r: r.source in OLD,
    ),
    (
        "X5 all but usrp and trap's fifth → these",
        Channel.MAIL,
        lambda r: _raw(r) and r.source != "list-usrp" and not (r.source == "phishing_pot" and _kept_back(r)),
        lambda r: r.source == "list-usrp" or (r.source == "phishing_pot" and _kept_back(r)),
    ),
    (
        "X6 all but old raw mail → SpamAssassin",
        Channel.MAIL,
        lambda r: _mail(r) and r.source not in OLD,
        lambda r: r.source == "spamassassin",
    ),
    (
        "X7 all but trap → trap, a fifth of ham",
        Channel.MAIL,
        lambda r: _raw(r) and r.source not in TRAP and not (not r.bad and _kept_back(r)),
        lambda r: _raw(r) and (r.source == "phishing_pot" or (not r.bad and _kept_back(r))),
    ),
    (
        "trained, a fifth kept back",
        Channel.MAIL,
        lambda r: _raw(r) and not _kept_back(r),
        lambda r: _raw(r) and _kept_back(r),
    ),
    (
        "hard ham unseen, a fifth of trap",
        Channel.MAIL,
        lambda r: _mail(r) and r.source != "spamassassin" and not (r.source == "phishing_pot" and _kept_back(r)),
        lambda r: "hard" in r.also or (r.source == "phishing_pot" and _kept_back(r)),
    ),
    (
        "SMS without SmishTank → SmishTank, a fifth of good",
        SMS,
        lambda r: r.channel is SMS and r.source != "smishtank" and (r.bad or not _kept_back(r)),
        lambda r: r.channel is SMS and (r.source == "smishtank" or (not r.bad and _kept_back(r))),
    ),
    (
        "SMS English → French",
        SMS,
        lambda r: r.channel is SMS and r.lang == "en",
        lambda r: r.channel is SMS and r.lang == "fr",
    ),
    (
        "SMS, a fifth kept back",
        SMS,
        lambda r: r.channel is SMS and not _kept_back(r),
        lambda r: r.channel is SMS and _kept_back(r),
    ),
    (
        "calls without h0l3y → h0l3y",
        Channel.CALL,
        lambda r: r.channel in (Channel.CALL, SMS) and r.source != "voice-h0l3y",
        lambda r: r.source == "voice-h0l3y",
    ),
)


def cross(rows: Sequence[Read]) -> tuple[str, object]:
    """Learn words and weights from some rows, judge others."""
    lines, found = [], {}
    for name, channel, taught, tested in CROSS:
        learnt, asked = [row for row in rows if taught(row)], [row for row in rows if tested(row)]
        if len({row.bad for row in learnt}) < 2 or len({row.bad for row in asked}) < 2:
            continue
        model = build(learnt, (channel,))
        judged = [(row, model.judge(row)) for row in asked]
        figures = _roc(judged)
        good = [report for row, report in judged if not row.bad]
        figures["good called malicious"] = sum(one.level is Level.MALICIOUS for one in good) / len(good)
        figures["good called suspicious"] = sum(one.level is Level.SUSPICIOUS for one in good) / len(good)
        found[name] = figures
        lines.append([*_line(name, figures), figures["good called malicious"], figures["good called suspicious"]])
        print(lines[-1], flush=True)
    return table(["row", *FIGURES, "good: malicious", "good: suspicious"], lines), found


if __name__ == "__main__":
    main()
