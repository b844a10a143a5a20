"""Who sent a message: SPF, DKIM, ARC, DMARC, and what follows from them together."""
