"""Messages of the public corpus, for tests that compare with another reader."""

from __future__ import annotations

import tarfile

import pytest

from courriel.formats.message.canonical import to_crlf
from tests.trial import SHARED


def messages(name: str, count: int) -> list[bytes]:
    """About ``count`` messages of one source, spread over it, with CRLF line ends; skips where it is absent."""
    archive = SHARED / "corpus" / f"{name}.tar.gz"
    if not archive.exists():
        pytest.skip(f"no {archive}")
    found = []
    with tarfile.open(archive) as tar:
        members = [member for member in tar.getmembers() if member.isfile()]
        for member in members[:: max(1, len(members) // count)]:
            stream = tar.extractfile(member)
            assert stream is not None
            found.append(to_crlf(stream.read()))
    return found
