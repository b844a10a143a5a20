"""Where the public suites of e-mail authentication lie: the folder ``AUTH``, else the one beside this tree."""

from __future__ import annotations

import os
from pathlib import Path

from tests.trial import SHARED

AUTH = Path(os.environ.get("AUTH", SHARED / "suites" / "auth"))
