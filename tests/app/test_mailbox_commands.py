"""``courriel mailbox``, and what people see of it in their clients: mbsync and mutt where they are installed."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from courriel.imap.client import ImapClient, Refused
from courriel.net.tls import client_context
from tests.trial import Trial, courriel

pytestmark = pytest.mark.slow

ALICE, BOB = "alice@courriel.test", "bob@courriel.test"
SHARED_INBOX = "Other Users/alice/INBOX"
LETTER = b"From: a@example.org\r\nSubject: for all of us\r\n\r\nhello\r\n"


def _json(*words: str, data: Path) -> Any:
    done = courriel("mailbox", *words, "--json", data=data)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def _bob(trial: Trial) -> ImapClient:
    client = await ImapClient.connect("localhost", trial.port("imaps"), client_context(trial.ca))
    await client.login("bob", "secret")
    return client


async def _total(trial: Trial, mailbox: str) -> int | str:
    """Messages that Bob finds there, or why he does not."""
    client = await _bob(trial)
    try:
        return await client.select(mailbox, readonly=True)
    except Refused as refusal:
        return refusal.code
    finally:
        await client.close()


def test_a_mailbox_is_shared_seen_and_shared_no_more(trial: Trial) -> None:
    data = trial.data
    assert asyncio.run(_total(trial, SHARED_INBOX)) == "NONEXISTENT"
    answer = _json("share", ALICE, "inbox", "bob", data=data)
    assert answer == {"mailbox": "INBOX", "who": BOB, "rights": "lr"}
    assert isinstance(asyncio.run(_total(trial, SHARED_INBOX)), int)
    assert _json("share", ALICE, "INBOX", BOB, "--rights", "+s", data=data)["rights"] == "lrs"
    assert _json("share", ALICE, "INBOX", "-@courriel.test", "--rights", "a", data=data)["who"] == "-@courriel.test"
    assert _json("rights", ALICE, "INBOX", data=data) == [
        {"who": ALICE, "rights": "lrswipkxtea"},
        {"who": "-@courriel.test", "rights": "a"},
        {"who": BOB, "rights": "lrs"},
    ]
    [inbox] = [row for row in _json("list", ALICE, data=data) if row["mailbox"] == "INBOX"]
    assert inbox["shared"] == {BOB: "lrs", "-@courriel.test": "a"}
    assert f"{BOB} (lrs)" in courriel("mailbox", "list", "alice", data=data).stdout
    assert courriel("mailbox", "unshare", ALICE, "INBOX", "bob", data=data).returncode == 0
    assert asyncio.run(_total(trial, SHARED_INBOX)) == "NONEXISTENT"
    assert courriel("mailbox", "unshare", ALICE, "INBOX", data=data).returncode == 0
    assert _json("rights", ALICE, "INBOX", data=data) == [{"who": ALICE, "rights": "lrswipkxtea"}]


def test_public_mailboxes_come_and_go(trial: Trial) -> None:
    data = trial.data
    assert _json("list", "public", data=data) == []
    added = courriel("mailbox", "public", "add", "News/2026", "--for", "@courriel.test", data=data)
    assert added.returncode == 0, added.stderr
    assert asyncio.run(_total(trial, "Public/News/2026")) == 0
    assert [row["mailbox"] for row in _json("list", "public", data=data)] == ["INBOX", "News", "News/2026"]
    assert asyncio.run(_total(trial, "Public/INBOX")) == "NONEXISTENT"
    assert _json("share", "public", "News/2026", "bob", "--rights", "write", data=data)["rights"] == "lrswite"
    assert courriel("mailbox", "public", "remove", "News", "--yes", data=data).returncode == 1, "there is one below"
    assert courriel("mailbox", "public", "remove", "News/2026", "--yes", data=data).returncode == 0
    assert courriel("mailbox", "public", "remove", "News", "--yes", data=data).returncode == 0
    assert asyncio.run(_total(trial, "Public/News/2026")) == "NONEXISTENT"


def test_public_mail_is_brought_in_back_and_out(trial: Trial, tmp_path: Path) -> None:
    data, source = trial.data, tmp_path / "old.mbox"
    source.write_bytes(b"From a@b Mon Jan  1 00:00:00 2024\n" + LETTER.replace(b"\r\n", b"\n"))
    assert courriel("mailbox", "public", "add", "Archive", data=data).returncode == 0
    done = courriel("import", str(source), "--to", "public", "--mailbox", "Archive", data=data)
    assert done.returncode == 0, done.stderr
    assert asyncio.run(_total(trial, "Public/Archive")) == 1
    assert courriel("mailbox", "public", "remove", "Archive", "--yes", data=data).returncode == 0
    assert courriel("restore", "public", data=data).returncode == 0
    assert [row["messages"] for row in _json("list", "public", data=data) if row["mailbox"] == "Archive"] == [1]
    exported = courriel("export", "public", str(tmp_path / "out"), data=data)
    assert exported.returncode == 0, exported.stderr
    assert any(b"for all of us" in file.read_bytes() for file in (tmp_path / "out").rglob("*") if file.is_file())


REFUSED = [
    (("share", "nobody", "INBOX", BOB), "no such user"),
    (("share", ALICE, "nothing", BOB), "no mailbox of that name"),
    (("share", ALICE, "INBOX", "nobody@courriel.test"), "no such user"),
    (("share", ALICE, "INBOX", ALICE), "not allowed"),
    (("share", ALICE, "INBOX", BOB, "--rights", "lrz"), "not written as it must be"),
    (("rights", ALICE, "a//b"), "not written as it must be"),
    (("public", "add", "Nowhere", "--for", "nobody"), "no such user"),
]


@pytest.mark.parametrize(("words", "sentence"), REFUSED)
def test_refusals_are_sentences(trial: Trial, words: tuple[str, ...], sentence: str) -> None:
    done = courriel("mailbox", *words, data=trial.data)
    assert done.returncode == 1 and sentence in done.stderr
    assert "Nowhere" not in [row["mailbox"] for row in _json("list", "public", data=trial.data)]


def test_who_is_removed_and_comes_again_has_no_old_rights(data: Path) -> None:
    assert courriel("domain", "add", "example.org", data=data).returncode == 0
    ann, ben = "ann@example.org", "ben@example.org"
    for login in (ann, ben):
        added = courriel("user", "add", login, "--password-stdin", data=data, stdin="secret\n")
        assert added.returncode == 0, added.stderr
    for who in (ben, "-" + ben):
        _json("share", ann, "INBOX", who, data=data)
    assert courriel("user", "remove", ben, "--yes", data=data).returncode == 0
    assert _json("rights", ann, "INBOX", data=data) == [{"who": ann, "rights": "lrswipkxtea"}]


def test_help_is_in_french_too() -> None:
    assert "boîtes publiques" in courriel("mailbox", "--help", LANGUAGE="fr").stdout


@pytest.mark.interop
@pytest.mark.parametrize("program", ["mbsync", "mutt"])
def test_mail_programs_see_a_shared_mailbox(trial: Trial, tmp_path: Path, program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    mailbox = f"For {program}"
    name = f"Other Users/alice/{mailbox}"
    asyncio.run(_share(trial, mailbox))
    if program == "mbsync":
        told = _mbsync(trial, tmp_path, name)
        [found] = (tmp_path / "mail" / name / "new").iterdir()
        assert b"for all of us" in found.read_bytes(), told
        marked = tmp_path / "mail" / name / "cur" / (found.name.partition(":")[0] + ":2,S")
        found.rename(marked)
        _mbsync(trial, tmp_path, name)
    else:
        assert "for all of us" in _mutt(trial, tmp_path, name)
    assert asyncio.run(_unseen(trial, mailbox)) == 0, "what Bob has read, Alice sees as read"


async def _share(trial: Trial, mailbox: str) -> None:
    client = await ImapClient.connect("localhost", trial.port("imaps"), client_context(trial.ca))
    await client.login("alice", "secret")
    for command in (b'CREATE "%b"', b'SETACL "%b" bob lrs'):
        await client.command(command % mailbox.encode())
    await client.append(mailbox, LETTER)
    await client.close()


async def _unseen(trial: Trial, mailbox: str) -> int:
    client = await ImapClient.connect("localhost", trial.port("imaps"), client_context(trial.ca))
    await client.login("alice", "secret")
    await client.select(mailbox)
    found = await client.search(b"UNSEEN")
    await client.close()
    return len(found)


def _mbsync(trial: Trial, place: Path, name: str) -> str:
    (place / "mail").mkdir(exist_ok=True)
    rc = place / "mbsyncrc"
    rc.write_text(
        f"IMAPAccount a\nHost localhost\nPort {trial.port('imaps')}\nUser bob\nPass secret\nSSLType IMAPS\n"
        f"CertificateFile {trial.ca}\n\nIMAPStore far\nAccount a\n\nMaildirStore near\nPath {place}/mail/\n"
        f"Inbox {place}/mail/INBOX\nSubFolders Verbatim\n\nChannel c\nFar :far:\nNear :near:\n"
        f'Pattern "{name}"\nCreate Near\nSync All\nSyncState *\n'
    )
    done = subprocess.run(["mbsync", "-c", str(rc), "-a"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def _mutt(trial: Trial, place: Path, name: str) -> str:
    """What mutt writes of the first message, and it marks it as read."""
    url = f"imaps://bob@localhost:{trial.port('imaps')}/{name.replace(' ', '%20')}"
    rc, out = place / "muttrc", place / "out"
    rc.write_text(
        f'set imap_pass=secret\nset ssl_starttls=no\nset certificate_file="{trial.ca}"\nset ssl_verify_host=no\n'
        f'set folder="{url}"\nset spoolfile="{url}"\nset pipe_decode=no\nset wait_key=no\nset quit=yes\n'
        f'push "<display-message><exit><pipe-message>cat > {out}<enter><sync-mailbox><quit>"\n'
    )
    subprocess.run(
        ["script", "-qec", f"mutt -n -F {rc} -f '{url}'", "/dev/null"],
        capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
        env={"TERM": "xterm", "HOME": str(place), "PATH": "/usr/local/bin:/usr/bin:/bin"},
    )  # fmt: skip
    return out.read_text("utf-8", "replace") if out.exists() else ""
