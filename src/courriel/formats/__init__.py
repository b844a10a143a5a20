"""Bytes to values and back, one format a module.  Pure: no clock, no network, no disk."""
