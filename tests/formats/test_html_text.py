"""Words of HTML, the quick way and the careful one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courriel.formats.message import html_text as module
from courriel.formats.message.html_text import html_text

PIECES = [
    *("<p>", "</p>", "<b>", "</B>", "<br/>", "<td x='1'>", "<STYLE>", "</style>", "<script>", "</script >", "<head>"),
    *(
        "</head>",
        "<title>",
        "</title>",
        "<!--",
        "-->",
        "<",
        ">",
        "</",
        "<1",
        "<p",
        "&amp;",
        "&lt;",
        "a",
        " ",
        "\n",
        "é",
    ),
    *("<a href='x>y'>", "</styles>", "<template>", "</template>"),
]


def carefully(source: str) -> str:
    return module._ENTITY.sub(lambda match: module.html.unescape(match[0]), "".join(module._pieces(source)))


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_both_ways_give_the_same(source: str) -> None:
    assert html_text(source) == carefully(source)


@pytest.mark.parametrize("source", ["<style>" * 100_000, "<p><style></style>" * 50_000, "<head></x>" * 50_000])
def test_hostile_markup_is_linear(source: str) -> None:
    begun = time.process_time()
    html_text(source)
    assert time.process_time() - begun < 1.0
