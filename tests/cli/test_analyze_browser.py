"""The page in a real browser, where one is installed: its style is accepted, and nothing is asked of the net."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from courriel.cli import analyze_page
from tests.threats.made import made

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not CHROMIUM, reason="no Chromium here")]


def browse(page: str, folder: Path) -> tuple[str, str, list[str]]:
    """The document after loading, what the browser complained of, and the requests that came to its proxy."""
    file = folder / "page.html"
    file.write_text(page, "utf-8")
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(0.2)
        stop = threading.Event()
        listener = threading.Thread(target=_listen, args=(proxy, stop, asked))
        listener.start()
        words = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
        words += ["--enable-logging=stderr", "--disable-background-networking", "--disable-component-update"]
        words += [f"--proxy-server=127.0.0.1:{proxy.getsockname()[1]}", "--proxy-bypass-list=<-loopback>"]
        words += ["--virtual-time-budget=2000", "--dump-dom", file.as_uri()]
        done = subprocess.run(words, capture_output=True, text=True, timeout=90, check=False)
        stop.set()
        listener.join()
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line), asked


def _listen(proxy: socket.socket, stop: threading.Event, asked: list[str]) -> None:
    while not stop.is_set():
        try:
            caller, _ = proxy.accept()
        except TimeoutError:
            continue
        with caller:
            asked.append(caller.recv(4096).decode("latin-1"))


def test_the_browser_shows_it_and_asks_nobody(tmp_path: Path) -> None:
    dom, complaints, asked = browse(analyze_page.page(made()), tmp_path)
    assert "Dangerous: this is phishing." in dom and "hxxp://evil[.]test/a?b=1" in dom
    assert complaints == ""
    assert not [one for one in asked if ".test" in one or ".example" in one]


def test_the_policy_holds_what_would_be_slipped_in(tmp_path: Path) -> None:
    slipped = '<img src="http://pixel.test/a.png"><script>document.title="x"</script><p style="color:red">x</p></body>'
    dom, complaints, asked = browse(analyze_page.page(made()).replace("</body>", slipped), tmp_path)
    assert "<title>x</title>" not in dom
    assert "Content Security Policy" in complaints
    assert not [one for one in asked if "pixel.test" in one]
