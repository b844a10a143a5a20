"""Whom a certificate is for, and what a policy asks of a handshake over real sockets."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
import threading
from pathlib import Path

import pytest

from courriel.net import tls_policy
from courriel.net.peer_certificate import is_for, load, unverified_chain
from courriel.net.tls_policy import OPPORTUNISTIC, REQUIRED, TlsFailure, TlsPolicy, check, dane_policy, verified
from tests.net.certificates import DAY, Made, make

NAMES = [
    ("mx.example.org", "mx.example.org", True),
    ("MX.Example.ORG", "mx.example.org", True),
    ("mx.example.org.", "mx.example.org", True),
    ("mx.example.org", "mx.example.org.", True),
    ("mx.example.org", "MX.EXAMPLE.ORG", True),
    ("*.example.org", "mx.example.org", True),
    # RFC 9525 §6.3: the whole first label, one label, and only there
    ("*.example.org", "example.org", False),
    ("*.example.org", "a.b.example.org", False),
    ("m*.example.org", "mx.example.org", False),
    ("mx.*.org", "mx.example.org", False),
    ("*.org", "example.org", False),
    ("*", "example", False),
    ("mx.example.org", "example.org", False),
    ("example.org", "mx.example.org", False),
    ("xn--bcher-kva.example", "bücher.example", True),
    ("*.xn--bcher-kva.example", "mx.bücher.example", True),
    ("192.0.2.1", "192.0.2.1", True),
    ("2001:db8::1", "2001:DB8:0::1", True),
    ("192.0.2.1", "192.0.2.2", False),
    ("mx.example.org", "192.0.2.1", False),
    ("mx.example.org", "", False),
    ("mx.example.org", "mx.example.org\0.evil.example", False),
]


@pytest.mark.parametrize(("shown", "name", "fits"), NAMES)
def test_names(shown: str, name: str, fits: bool) -> None:
    assert is_for(make("x", names=(shown,)).certificate, (name,)) is fits


def test_the_common_name_is_no_name() -> None:
    """RFC 9525 left it out."""
    assert not is_for(make("mx.example.org").certificate, ("mx.example.org",))
    assert not is_for(make("mx.example.org", names=("other.example",)).certificate, ("mx.example.org",))


def test_one_name_of_several_is_enough() -> None:
    certificate = make("x", names=("a.example.org", "b.example.org")).certificate
    assert is_for(certificate, ("c.example.org", "b.example.org"))
    assert not is_for(certificate, ())


# --- over a socket ------------------------------------------------------------------------------------------------
TODAY = datetime.datetime.now(datetime.UTC)
AROUND = {"begins": TODAY - 5 * DAY, "ends": TODAY + 5 * DAY}
ROOT = make("root", ca=True, may_sign=True, **AROUND)
MIDDLE = make("middle", ROOT, ca=True, may_sign=True, **AROUND)
GOOD = make("good", MIDDLE, names=("localhost",), **AROUND)
EXPIRED = make("expired", MIDDLE, names=("localhost",), begins=TODAY - 5 * DAY, ends=TODAY - DAY)


def shake_hands(directory: Path, policy: TlsPolicy, chain: tuple[Made, ...]) -> tuple[bytes, ...]:
    """A handshake and its judgement; the chain as the server sent it."""
    files = chain[0].write(directory, *chain[1:])
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*files)
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(theirs, server_side=True) as secure:
                secure.recv(1)
        except OSError:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with tls_policy.context_for(policy).wrap_socket(ours, server_hostname="localhost") as connection:
            check(policy, connection, TODAY)  # type: ignore[arg-type]  # a socket tells the same as an SSLObject
            return unverified_chain(connection)
    except OSError as error:
        raise tls_policy.handshake_failure(error) from None
    finally:
        ours.close()
        thread.join()


def ca_file(directory: Path) -> Path:
    return ROOT.write(directory)[0].rename(directory / "ca.pem")


CHAIN = (GOOD, MIDDLE)


def test_the_chain_comes_as_it_was_sent(tmp_path: Path) -> None:
    """The door to ``ssl``'s private parts: known authority or not."""
    assert shake_hands(tmp_path, REQUIRED, CHAIN) == (GOOD.der, MIDDLE.der)
    assert shake_hands(tmp_path, REQUIRED, (GOOD,)) == (GOOD.der,)
    assert shake_hands(tmp_path, verified("localhost", ca=ca_file(tmp_path)), CHAIN) == (GOOD.der, MIDDLE.der)


def test_there_is_no_chain_before_the_handshake() -> None:
    connection = tls_policy.context_for(REQUIRED).wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
    assert unverified_chain(connection) == ()


def test_policies_that_are_content(tmp_path: Path) -> None:
    for policy in (OPPORTUNISTIC, REQUIRED):
        shake_hands(tmp_path, policy, (EXPIRED,))
    shake_hands(tmp_path, dane_policy([EXPIRED.tlsa(3)], ("x.example",)), (EXPIRED,))
    shake_hands(tmp_path, dane_policy([ROOT.tlsa(2)], ("localhost",)), (*CHAIN, ROOT))
    shake_hands(tmp_path, verified("x.example", "localhost", ca=ca_file(tmp_path)), CHAIN)


REFUSED = {
    "another key": (dane_policy([ROOT.tlsa(3)], ("localhost",)), CHAIN, "certificate-not-trusted"),
    "another name": (dane_policy([ROOT.tlsa(2)], ("x.example",)), (*CHAIN, ROOT), "certificate-not-trusted"),
    "unknown authority": (verified("localhost"), CHAIN, "certificate-not-trusted"),
    "signed by itself": (
        verified("localhost"),
        (make("s", names=("localhost",), **AROUND),),
        "certificate-not-trusted",
    ),
}


@pytest.mark.parametrize(("policy", "chain", "kind"), REFUSED.values(), ids=REFUSED)
def test_policies_that_are_not(tmp_path: Path, policy: TlsPolicy, chain: tuple[Made, ...], kind: str) -> None:
    with pytest.raises(TlsFailure) as caught:
        shake_hands(tmp_path, policy, chain)
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    ("name", "chain", "kind"),
    [
        ("x.example", CHAIN, "certificate-host-mismatch"),
        ("localhost", (EXPIRED, MIDDLE), "certificate-expired"),
        ("localhost", (GOOD,), "certificate-not-trusted"),
    ],
)
def test_failures_have_names(tmp_path: Path, name: str, chain: tuple[Made, ...], kind: str) -> None:
    """RFC 8460 §4.3."""
    with pytest.raises(TlsFailure) as caught:
        shake_hands(tmp_path, verified(name, ca=ca_file(tmp_path)), chain)
    assert caught.value.kind == kind


def test_old_protocols_are_refused(tmp_path: Path) -> None:
    """RFC 8996."""
    for policy in (REQUIRED, verified("localhost")):
        assert tls_policy.context_for(policy).minimum_version >= ssl.TLSVersion.TLSv1_2


def test_contexts_are_shared() -> None:
    assert tls_policy.context_for(OPPORTUNISTIC) is tls_policy.context_for(dane_policy([GOOD.tlsa(3)], ()))
    assert tls_policy.context_for(verified("a.example")) is tls_policy.context_for(verified("b.example"))


def test_what_else_goes_wrong_in_a_handshake() -> None:
    assert tls_policy.handshake_failure(ConnectionResetError("gone")).kind == "validation-failure"
    assert "gone" in str(tls_policy.handshake_failure(ConnectionResetError("gone")))
    assert asyncio.TimeoutError.__name__ in str(tls_policy.handshake_failure(TimeoutError()))


def test_load_reads_certificates_only() -> None:
    assert load(GOOD.der) == GOOD.certificate
