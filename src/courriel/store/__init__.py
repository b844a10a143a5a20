"""Stored mail: adapters of ``ports.store`` and ``ports.queue``.  Only ``app`` names one of them."""
