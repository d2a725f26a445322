"""Make the pictures of docs/coordinator-guide.md from a portal that `make portal` serves."""

import argparse
import email
import email.policy
import re
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "pictures"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
CODE = re.compile(r"^\s*((?:[0-9A-Z]{4}-){3}[0-9A-Z]{2})\s*$", re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("account", help="e-mail address of a coordinator, from `demo accounts`")
    parser.add_argument("password", help="its password in the demo")
    parser.add_argument("organization", help="the school's code")
    parser.add_argument("--url", default="http://127.0.0.1:8081")
    parser.add_argument("--mailbox", type=Path, default=ROOT / "var" / "demo" / "mailbox")
    options = parser.parse_args()
    TARGET.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 760}, reduced_motion="reduce")
        walk(page, options)
        browser.close()
    return 0


def walk(page: Page, options: argparse.Namespace) -> None:
    """The first sign-in of a year, a picture at each step."""
    own = f"{options.url}/organizations/{options.organization}"
    page.goto(f"{options.url}/sign-in")
    take(page, "sign-in", height=470)
    page.get_by_label("E-mail address").fill(options.account)
    page.get_by_label("Password").fill(options.password)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{own}/scores")
    if page.url.endswith("/code"):
        take(page, "code", height=600)
        page.get_by_label("Access code").fill(mailed_code(options.mailbox, options.organization))
        page.get_by_role("button", name="Continue").click()
        take(page, "agreement", height=480)
        page.get_by_label("I agree").check()
        page.get_by_role("button", name="Agree and continue").click()
    page.locator("td.arrow button").first.click()
    take(page, "scores", height=900)
    page.get_by_role("link", name="Look up why a score is missing").click()
    page.get_by_label("Registration number").fill("Nobody of This Name")
    page.get_by_label("Test date").fill("2026-11-20")
    page.get_by_role("button", name="Look it up").click()
    take(page, "missing", height=790)
    page.goto(f"{own}/people")
    take(page, "people", height=920)
    page.goto(f"{options.url}/no-code")
    take(page, "no-code", height=800)


def take(page: Page, name: str, *, height: int) -> None:
    page.set_viewport_size({"width": 1280, "height": height})
    page.mouse.move(0, 0)
    page.screenshot(path=TARGET / f"portal-{name}.png")


def mailed_code(mailbox: Path, organization: str) -> str:
    """The code in the mail to an organisation of the demo, whose addresses carry its code."""
    for path in sorted(mailbox.glob("*.eml")):
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        found = CODE.search(mail.get_content())
        if found and f"@o{organization}." in str(mail["To"]):
            return found[1]
    raise SystemExit(f"No mail with the code of {organization} is in {mailbox}.")


if __name__ == "__main__":
    sys.exit(main())
