"""Where mail is kept: adapters of ``ports/store.py`` and ``ports/queue.py``.  Only ``app`` names one."""
