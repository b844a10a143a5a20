"""Sieve: people's own rules for their mail.  RFC 5228 and its extensions; pure."""
