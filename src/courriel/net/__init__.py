"""Sockets, TLS and time-outs, for whatever protocol speaks over them."""
