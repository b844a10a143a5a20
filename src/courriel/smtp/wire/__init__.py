"""Bytes of SMTP and the values they mean.  Pure; RFC 5321 §4.1–4.2 and its extensions."""
