"""Malicious messages: recognised, named, explained.  Pure: a message and what is known go in, a report comes out."""
