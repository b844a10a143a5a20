"""What is attached: each file is read once, bounded, and shown to those who know its type."""

from __future__ import annotations

from typing import Final

from courriel.threats.signal import Look, Signal
from courriel.threats.signals.attachments import archives, office, pdf, qr, smuggling, types
from courriel.threats.signals.attachments.look import attached
from courriel.threats.signals.attachments.qr import DEEP_LOOKS as DEEP_LOOKS

SIGNALS: Final[tuple[Signal, ...]] = (
    *types.SIGNALS,
    *archives.SIGNALS,
    *smuggling.SIGNALS,
    *office.SIGNALS,
    *pdf.SIGNALS,
    *qr.SIGNALS,
)
LOOKS: Final[tuple[Look, ...]] = (attached,)
