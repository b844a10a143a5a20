"""Passwords, SASL, lockout: who may come in.  Where an address leads is model/roster.py's business."""
