"""Zones at hosting companies, changed through their interfaces: an adapter each, behind ``ports.zone.ZoneWriter``."""
