"""Pages as browsers see them."""

import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


class Page(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def addresses(self) -> list[str]:
        """All that a browser would fetch or lead to."""
        names = ("src", "srcset", "href", "action", "data", "poster", "background")
        return [attributes[name] for _, attributes in self.elements for name in names if name in attributes]


def colours(picture: Path) -> int:
    """How many colours a picture has."""
    with Image.open(picture) as image:
        return len(image.convert("RGB").getcolors(image.width * image.height))


def screenshot(page: Path, out: Path, width: int, dark: bool = False) -> Path:
    """What Chromium shows of a page, in a window 3,000 pixels high; skips the test where there is no Chromium."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip("Chromium is not installed: nothing to open the page with.")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={out}.profile"]
    options += ["--blink-settings=preferredColorScheme=0"] if dark else []
    command = [browser, *options, f"--screenshot={out}", f"--window-size={width},3000", page.absolute().as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return out
