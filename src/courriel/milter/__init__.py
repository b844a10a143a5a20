"""Filters that speak the milter protocol (ClamAV, rspamd, OpenDKIM and others) asked about each message."""
