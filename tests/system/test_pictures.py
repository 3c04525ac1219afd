"""Mails and pages in a real browser: readable in light and dark and on a phone, and no fault that axe-core finds."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from system.browser import Page, browser
from system.pictures import LOOKS, SHOWN, Look, documents, file_of
from system.programs import installed

AXE: Final = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "convalias/node_modules/axe-core/axe.min.js"
)
"""Where `npm install --prefix ~/.cache/convalias axe-core` puts it."""
LEAST_CONTRAST: Final = 4.5
"""WCAG 2.2 \u00a71.4.3."""
COLOURS: Final = """
(() => {
  const canvas = document.createElement('div');
  canvas.style.background = 'Canvas';
  document.body.append(canvas);
  const below = getComputedStyle(canvas).backgroundColor;
  canvas.remove();
  const found = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    if (!texts.currentNode.data.trim()) continue;
    let behind = null;
    for (let at = texts.currentNode.parentElement; at && !behind; at = at.parentElement) {
      const own = getComputedStyle(at).backgroundColor;
      if (own !== 'rgba(0, 0, 0, 0)') behind = own;
    }
    found.add(getComputedStyle(texts.currentNode.parentElement).color + '|' + (behind || below));
  }
  return [...found];
})()
"""
"""Each pair of colours of a text and what is behind it."""


@pytest.fixture(scope="module")
def shown() -> Mapping[str, str]:
    return documents()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Generator[Page]:
    with browser(installed("chromium", "chromium"), tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def light_of(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(one) / 255 for one in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(pair: str) -> float:
    darker, lighter = sorted(map(light_of, pair.split("|")))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_measured_as_wcag_says() -> None:
    assert contrast("rgb(0, 0, 0)|rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("rgb(119, 119, 119)|rgb(255, 255, 255)") == pytest.approx(4.48, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_all_text_contrasts_and_nothing_is_wider_than_the_window(
    page: Page, shown: Mapping[str, str], look: Look
) -> None:
    dark_below: set[bool] = set()
    for name, html in shown.items():
        page.show(html, width=look.width, dark=look.dark)
        pairs: list[str] = page.value(COLOURS)
        assert pairs
        assert {pair: contrast(pair) for pair in pairs if contrast(pair) < LEAST_CONTRAST} == {}, name
        dark_below |= {light_of(pair.split("|")[1]) < 0.2 for pair in pairs if "page" not in name}
        assert page.value("document.documentElement.scrollWidth") <= look.width, name
        assert page.value("window.innerWidth") == look.width
    assert dark_below == {look.dark}


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_axe_finds_nothing_serious(page: Page, shown: Mapping[str, str], look: Look) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm install --prefix ~/.cache/convalias axe-core")
    for name, html in shown.items():
        page.show(html, width=look.width, dark=look.dark)
        # axe takes what has no background for white, whatever the scheme is.
        page.value("document.documentElement.style.background = 'Canvas'")
        page.value(AXE.read_text(encoding="utf-8") + ";0")
        found: list[dict[str, Any]] = page.value(
            "axe.run(document).then(told => told.violations.map(({id, impact, nodes}) =>"
            " ({id, impact, nodes: nodes.map(one => one.html)})))"
        )
        assert [one for one in found if one["impact"] in {"serious", "critical"}] == [], name


@pytest.mark.slow
def test_axe_would_find_a_fault(page: Page) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm install --prefix ~/.cache/convalias axe-core")
    page.show("<!DOCTYPE html><html><title>x</title><p style='color:#ccc'>pale</p></html>", width=360)
    page.value(AXE.read_text(encoding="utf-8") + ";0")
    found = page.value("axe.run(document).then(told => told.violations.map(one => one.id))")
    assert {"color-contrast", "html-has-lang"} <= {*found}


@pytest.mark.slow
def test_a_picture_is_as_wide_as_its_window(page: Page, shown: Mapping[str, str]) -> None:
    for look in LOOKS:
        page.show(shown["message"], width=look.width, dark=look.dark)
        assert size_of(page.picture())[0] == look.width


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("document", SHOWN)
def test_the_documents_hold_a_picture_of_each_look(document: str) -> None:
    for look in LOOKS:
        png = file_of(document, look).read_bytes()
        assert size_of(png)[0] == look.width
        assert len(png) < 80_000
