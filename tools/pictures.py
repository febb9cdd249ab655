"""The pictures of docs/images, made anew from a demo that runs: `.venv/bin/python tools/pictures.py ADDRESS PASSWORD`.

Both stand in what `make demo` prints.  It takes Chromium, as the browser tests do; `pngquant`, where it is there, makes the
files a third as large.  The font is the machine's own: the pictures were taken with Inter (Debian's `fonts-inter`).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDTH, HEIGHT, HEIGHT_WITH_ANSWER = 1200, 820, 1240
NO_WINDOW = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def main(address: str, password: str) -> int:
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=NO_WINDOW)
        take_sign_in(visitor(browser), address)
        take_home(signed_in(visitor(browser), address, "ines", password), address)
        # Bob has his groups once he has come from the provider: before that nobody can say why he sees anything.
        come_from_the_provider(visitor(browser), address, password)
        take_access(signed_in(visitor(browser, HEIGHT_WITH_ANSWER), address, "admin", password), address)
        browser.close()
    make_small()
    return 0


def visitor(browser: Browser, height: int = HEIGHT) -> Page:
    return browser.new_context(
        viewport={"width": WIDTH, "height": height}, color_scheme="light", locale="en"
    ).new_page()


def signed_in(page: Page, address: str, username: str, password: str) -> Page:
    page.goto(f"{address}/login")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def come_from_the_provider(page: Page, address: str, password: str) -> None:
    page.goto(f"{address}/login")
    page.get_by_text("as Bob, analyst").click()
    page.locator("input[type=password]").fill(password)
    page.locator("input[type=password]").press("Enter")
    page.wait_for_url(f"{address}/**")


def take_sign_in(page: Page, address: str) -> None:
    page.goto(f"{address}/login", wait_until="networkidle")
    page.screenshot(path=IMAGES / "sign-in.png")


def take_home(page: Page, address: str) -> None:
    page.goto(address, wait_until="networkidle")
    page.screenshot(path=IMAGES / "home.png")


def take_access(page: Page, address: str) -> None:
    page.goto(f"{address}/resources/dataset/bookings/access?why=bob&action=view", wait_until="networkidle")
    page.screenshot(path=IMAGES / "access-control.png")


def make_small() -> None:
    pngquant = shutil.which("pngquant")
    if pngquant is not None:
        command = [pngquant, "--force", "--speed", "1", "--strip", "--ext", ".png", "128"]
        subprocess.run([*command, *map(str, sorted(IMAGES.glob("*.png")))], check=True)  # noqa: S603 - our own files


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
