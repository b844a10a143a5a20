from __future__ import annotations

import datetime

import pytest

from courriel.net.tls import PrivateAuthority, private_authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> PrivateAuthority:
    """A private CA, and a certificate for this machine."""
    now = datetime.datetime.now(datetime.UTC)
    return private_authority(tmp_path_factory.mktemp("ca"), ("localhost", "127.0.0.1"), now)
