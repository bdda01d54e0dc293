"""The page as people use it: in Chromium, with the mouse, the keyboard, a file that is dropped and a camera.

``MUNSEO_PICTURES=docs/images pytest tests/ui/test_ui_browser.py`` writes the pictures of README.md, and trains better
runs for them; without it they go where the test's other files are.
"""

import csv
import json
import os
import re
import shutil
import time
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from munseo._report.facts import gather
from munseo._run import open_run

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is found (apt-get install chromium)")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--no-first-run",
         "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream",
         "--use-fake-ui-for-media-stream")  # fmt: skip
DESK, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
DROP = """([bytes, name]) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name, {type: "application/pdf"}));
  return data;
}"""
WIDE = """[...document.querySelectorAll("main *, header *")].filter((e) => e.getBoundingClientRect().right > innerWidth
  && !e.parentElement.closest(".scroll")).map((e) => e.outerHTML.slice(0, 80)).slice(0, 5)"""
CUT = """[...document.querySelectorAll(".scroll")].filter((e) => e.scrollWidth > e.clientWidth + 1)
  .map((e) => e.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium, ui):
    """Open windows; at the end none of them may have complained."""
    contexts, complaints = [], []

    def window(**settings) -> Page:
        context = chromium.new_context(**{"base_url": ui.url, "locale": "en-GB", "viewport": DESK, **settings})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda sent: complaints.append(f"{sent.url} {sent.failure}"))
        page.on("response", lambda got: complaints.append(f"{got.url} {got.status}") if got.status >= 400 else None)
        return page

    yield window
    for context in contexts:
        context.close()
    # A picture that is no longer wanted, and a download, are no failures.
    assert [one for one in complaints if "net::ERR_ABORTED" not in one] == []


@pytest.fixture
def page(opened) -> Page:
    return opened()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    folder = os.environ.get("MUNSEO_PICTURES")
    return Path(folder) if folder else tmp_path_factory.mktemp("screenshots")


def until(page: Page, expression: str) -> None:
    """Wait for an expression to be true. The driver's own waiting needs ``eval``, which these pages forbid."""
    end = time.monotonic() + 60
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(50)


def press(page: Page, key: str) -> None:
    """A key, once the page that answers to it is there."""
    page.wait_for_load_state("load")
    page.keyboard.press(key)


def shoot(page: Page, pictures: Path, name: str, height: int = DESK["height"]) -> None:
    """A picture of the page from its top; what it shows has been loaded."""
    page.evaluate("scrollTo(0, 0)")
    until(page, "[...document.images].every((i) => i.complete || i.getBoundingClientRect().top > innerHeight)")
    page.set_viewport_size({"width": DESK["width"], "height": height})
    target = pictures / f"ui-{name}.png"
    page.screenshot(path=target)
    with Image.open(target) as taken:  # a palette is a third of the bytes in the repository
        taken.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(target, optimize=True)


def test_from_the_leaderboard_to_a_heat_map(page, ui, name, pictures):
    page.goto("/")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    page.get_by_role("link", name="Server", exact=True).click()
    head = page.get_by_role("columnheader", name="Server", exact=True)
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(rows.first).to_contain_text(f"{gather(open_run(ui.runs / name)).scores.public:.4f}")
    page.get_by_role("link", name="Server", exact=True).click()
    expect(head).to_have_attribute("aria-sort", "ascending")

    rows.first.get_by_role("checkbox").check()
    page.get_by_role("searchbox").fill("nothing like it")
    expect(rows).to_have_count(1), "a ticked one stays"
    page.get_by_role("searchbox").fill("")
    expect(rows).to_have_count(2)
    expect(rows.first.get_by_role("checkbox")).to_be_checked()
    rows.last.get_by_role("checkbox").check()
    shoot(page, pictures, "runs", 540)
    page.get_by_role("button", name="Compare selected runs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Comparison of 2 runs")
    expect(page.get_by_text("Different settings")).to_be_visible()
    shoot(page, pictures, "compare")

    page.goto(f"/runs/{quote(name)}")
    cell = page.locator("td.wrong a").first
    count = int(cell.inner_text())
    shoot(page, pictures, "run", 1150)
    cell.click()
    pages = page.locator("ul.sheets li")
    expect(pages).to_have_count(count)
    page.get_by_label("True").select_option("")
    page.get_by_label("Predicted").select_option("")
    page.get_by_label("mistakes only").check()
    expect(pages.locator("nth=0")).to_have_class("wrong")
    shoot(page, pictures, "pages")
    pages.first.get_by_role("link").click()
    heat = page.locator("img.heat")
    expect(heat).to_be_visible()
    until(page, "document.querySelector('img.heat').naturalWidth > 0")
    shoot(page, pictures, "page", 1250)
    page.get_by_role("link", name="Review this page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Review")


def test_reviewing_by_keyboard(page, ui, pictures):
    labels = {row.ID: row.target for row in pd.read_csv(ui.data / "train.csv", dtype=str).itertuples()}
    page.goto("/review")
    shown = page.locator("figure figcaption").first
    shoot(page, pictures, "review")
    seen = []
    for key in ("r", "3", "r"):
        seen.append(shown.inner_text())
        if key == "3" and labels[seen[-1]] == "2":  # its own class has no key
            key = "4"
        press(page, key)
        expect(shown).not_to_have_text(seen[-1])
    press(page, "u")
    expect(shown).to_have_text(seen[-1]), "the page whose decision was taken back is shown again"
    written = list(csv.DictReader(ui.review_file.open(encoding="utf-8", newline="")))
    assert [row["action"] for row in written] == ["relabel", "relabel", "relabel", "undo"]
    assert [row["ID"] for row in written] == [*seen, seen[-1]]
    assert [row["target"] for row in written[:3]] == [labels[page_id] for page_id in seen]
    assert written[1]["new_target"] == ("3" if labels[seen[1]] == "2" else "2")
    assert written[3]["undoes"] == "3"


def test_two_reviewers_do_not_overrule_each_other(opened, ui):
    first, second = opened(), opened()
    for window, reviewer in ((first, "Mina"), (second, "Jun")):
        window.goto("/review?name=copies")
        window.get_by_label("Reviewer").fill(reviewer)
        window.get_by_role("button", name="Use this name").click()
        expect(window.get_by_label("Reviewer")).to_have_value(reviewer)
    decided = first.locator("figure figcaption").first.inner_text()
    assert second.locator("figure figcaption").first.inner_text() == decided
    press(first, "k")
    expect(first.get_by_text("Last decision:")).to_be_visible()
    press(second, "d")
    expect(second.get_by_role("alert")).to_contain_text("Mina has decided about this page in the meantime: Keep")
    press(second, "d")
    expect(second.get_by_text(f"Last decision: {decided}, Drop")).to_be_visible()
    last = list(csv.DictReader(ui.review_file.open(encoding="utf-8", newline="")))[-2:]
    assert [(row["reviewer"], row["action"]) for row in last] == [("Mina", "keep"), ("Jun", "drop")]


def test_a_pdf_that_is_dropped(page, ui, name, pictures):
    file = next(iter(sorted((ui.data / "train").iterdir())))
    document = BytesIO()
    Image.open(file).convert("RGB").save(document, "PDF")
    page.goto(f"/try?run={quote(name)}")
    answer = page.locator(".answer strong")
    for _ in range(60):  # the training pages are read meanwhile, for those that are near
        _drop(page, document.getvalue(), "scan.pdf")
        expect(answer).to_have_count(1)
        if page.get_by_text("Nearest training pages").count():
            break
        page.wait_for_timeout(500)
    expect(page.locator("ul.near li").first).to_contain_text(file.name), "the page itself was a training page"
    assert answer.inner_text() in page.locator(".bars th").first.inner_text()
    expect(page.get_by_text("Evidence in the page")).to_be_visible()
    shoot(page, pictures, "try", 1000)


def _drop(page: Page, content: bytes, name: str) -> None:
    import base64

    data = page.evaluate_handle(DROP, [base64.b64encode(content).decode(), name])
    with page.expect_navigation():
        page.dispatch_event("form[data-drop]", "drop", {"dataTransfer": data})


def test_the_camera(page, name):
    page.goto(f"/try?run={quote(name)}")
    page.get_by_role("button", name="Take a photo").click()
    until(page, "document.querySelector('video').videoWidth > 0")
    page.get_by_role("button", name="Take photo and classify").click()
    expect(page.get_by_role("heading", name="photo.jpg")).to_be_visible()
    expect(page.locator(".answer strong")).to_have_count(1)


def test_sliders_draw_and_save(page, tmp_path, pictures):
    page.goto("/augment?what=document")
    drawn = page.locator("#drawn img")
    sources = "[...document.querySelectorAll('#drawn img')].map((image) => image.src)"
    before = page.evaluate(sources)
    slider = page.get_by_role("slider", name="noise probability")
    slider.focus()
    page.keyboard.press("End")
    expect(slider).to_have_value("1")
    until(page, f"JSON.stringify({sources}) !== {json.dumps(json.dumps(before, separators=(',', ':')))}")
    assert drawn.count() == len(before)
    assert page.evaluate(sources)[0] == before[0], "the page itself stays as it is"
    page.get_by_role("button", name="New seed").click()
    expect(page.get_by_label("Seed", exact=True)).to_have_value("1")
    page.get_by_label("Recipe or policy").select_option("competition")
    expect(page).to_have_url(re.compile("what=competition"))
    shoot(page, pictures, "augment", 1000)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save YAML").click()
    download.value.save_as(tmp_path / "recipe.yaml")
    assert yaml.safe_load((tmp_path / "recipe.yaml").read_text())["name"] == "competition"


def test_the_other_language_stays(page, name, pictures):
    page.goto(f"/runs/{quote(name)}")
    page.get_by_role("link", name="한국어").click()
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    expect(page.get_by_role("heading", name="혼동 행렬")).to_be_visible()
    shoot(page, pictures, "run-ko", 1150)
    page.get_by_role("link", name="검토").click()
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_curves_grow_while_it_trains(page, ui, name):
    run = ui.runs / name.replace("-", "-live_", 1)
    shutil.copytree(ui.runs / name, run)
    try:
        lines = (run / "metrics.csv").read_text(encoding="utf-8").splitlines(keepends=True)
        (run / "metrics.csv").write_text("".join(lines[:2]), encoding="utf-8")
        manifest = (run / "manifest.json").read_text(encoding="utf-8")
        (run / "manifest.json").write_text(manifest.replace('"finished"', '"running"', 1), encoding="utf-8")
        page.goto(f"/runs/{quote(run.name)}")
        curve = page.locator("#live polyline").first
        assert len(curve.get_attribute("points").split()) == 1
        (run / "metrics.csv").write_text("".join(lines), encoding="utf-8")
        until(page, "document.querySelector('#live polyline').getAttribute('points').split(' ').length > 1")
        page.goto("/")
        row = page.get_by_role("row").filter(has_text="-live_")
        row.get_by_role("checkbox").check()
        (run / "manifest.json").write_text(manifest, encoding="utf-8")
        expect(row.get_by_text("finished")).to_be_visible(timeout=30_000)  # asked for every five seconds
        expect(row.get_by_role("checkbox")).to_be_checked()
    finally:
        shutil.rmtree(run)


def test_by_keyboard_alone(page):
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox")).to_be_focused()


@pytest.mark.parametrize(
    ("language", "scheme", "size"),
    [("en-GB", "light", DESK), ("ko-KR", "dark", PHONE)],
    ids=lambda value: value if isinstance(value, str) else str(value["width"]),
)
def test_everyone_can_use_it(opened, ui, name, language, scheme, size):
    page = opened(locale=language, color_scheme=scheme, viewport=size)
    names = [path.name for path in sorted(ui.runs.iterdir()) if path.is_dir()]
    page_id = pd.read_parquet(ui.runs / name / "val_predictions.parquet")["ID"][0]
    run = f"/runs/{quote(name)}"
    found = []
    for path in (
        "/", f"/compare?run={quote(names[0])}&run={quote(names[1])}", run, f"{run}/pages", f"{run}/report",
        f"{run}/page?id={quote(page_id)}", "/review", "/review?name=copies", "/review?name=uncertain",
        "/try", "/augment", "/augment?what=eda",
    ):  # fmt: skip
        page.goto(path)
        for violation in Axe().run(page).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                found.append((path, violation["id"], [node["target"] for node in violation["nodes"]][:5]))
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append((path, "wider than the window", page.evaluate(WIDE)))
        if size == DESK and (cut := page.evaluate(CUT)):
            found.append((path, "cut off", cut))
        if os.environ.get("MUNSEO_LOOK"):
            where = (
                Path(os.environ["MUNSEO_LOOK"]) / f"{path.strip('/').replace('/', '_')[-40:]}-{scheme}-{language}.png"
            )
            page.screenshot(path=where, full_page=True)
    assert found == []
