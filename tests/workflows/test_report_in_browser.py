"""The page in a real browser: nothing is fetched, the viewer draws and switches, the policy holds, a phone can show it.

Needs Chromium and its driver (on Debian: apt-get install chromium chromium-driver) and selenium (in the extra dev).
"""

import io
import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from stroke_tf.workflows.report import write_report

BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (BROWSER and DRIVER),
        reason="needs Chromium and chromedriver; on Debian: apt-get install chromium chromium-driver",
    ),
]
QUIET = (
    *("--headless", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-quic", "--window-size=1280,1000"),
)
SOFTWARE_WEBGL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
FOUND, FALSE, MISSED = (0, 158, 115), (230, 159, 0), (204, 121, 167)
COUNT_UNPACKED = "window.unpacked = 0; const real = atob; window.atob = text => (window.unpacked += 1, real(text));"


@pytest.fixture(scope="module")
def page(table1_folder: Path, tmp_path_factory) -> Path:
    return write_report(table1_folder, out=tmp_path_factory.mktemp("page") / "report.html").path


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Return a function that starts a browser; all are ended when the module ends."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium: pip install -e '.[dev]'")
    from selenium.webdriver.chrome.service import Service

    begun = []

    def started(*words: str):
        options = webdriver.ChromeOptions()
        options.binary_location = BROWSER
        for word in (*QUIET, f"--user-data-dir={tmp_path_factory.mktemp('profile')}", *words):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        begun.append(driver)
        return driver

    yield started
    for driver in begun:
        driver.quit()


@pytest.fixture(scope="module")
def browser(start, page: Path):
    """Return a browser in which the page is open and the viewer shows its first case."""
    driver = start(*SOFTWARE_WEBGL)
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": COUNT_UNPACKED})
    driver.get(page.as_uri())
    driver.execute_script("document.documentElement.style.scrollBehavior = 'auto'")
    driver.execute_script("document.getElementById('viewer').scrollIntoView()")
    wait_for(driver, "0 FLAIR errors:vote")
    return driver


def wait_for(driver, shown: str) -> None:
    """Wait until the viewer says what it shows, in the words case, image, overlay."""
    for _ in range(480):
        now = driver.execute_script("return document.getElementById('viewer').dataset.shown")
        if now == shown:
            time.sleep(0.5)  # the frame after the state
            return
        time.sleep(0.25)
    raise AssertionError(f"the viewer shows {now!r}, not {shown!r}; it says: {text(driver, 'v-message')}")


def text(driver, name: str) -> str:
    return driver.execute_script("return document.getElementById(arguments[0]).textContent", name)


def choose(driver, name: str, value: str) -> None:
    driver.execute_script(
        "const s = document.getElementById(arguments[0]); s.value = arguments[1]; s.dispatchEvent(new Event('change'))",
        *(name, value),
    )


def canvas(driver) -> np.ndarray:
    """Return what stands on the canvas, as colours."""
    from PIL import Image
    from selenium.webdriver.common.by import By

    png = driver.find_element(By.ID, "v-canvas").screenshot_as_png
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def tinted(colours: np.ndarray, colour: tuple[int, int, int]) -> int:
    """Count the pixels whose hue is that of an overlay's colour, however it is blended with greys."""
    strong = colours.max(axis=-1) - colours.min(axis=-1) > 25
    direction = np.array(colour) - np.mean(colour)
    offset = colours - colours.mean(axis=-1, keepdims=True)
    size = np.linalg.norm(offset, axis=-1) * np.linalg.norm(direction)
    return int((strong & ((offset @ direction) > 0.97 * np.maximum(size, 1e-9))).sum())


def faults(driver) -> list[str]:
    """Return what the browser complained of, refusals by the policy above all."""
    return [
        entry["message"]
        for entry in driver.get_log("browser")
        if entry["level"] == "SEVERE" or "Content Security Policy" in entry["message"]
    ]


def test_the_viewer_draws_a_head_and_what_was_found_and_missed_in_it(browser, tmp_path_factory):
    drawn = canvas(browser)
    assert drawn.std() > 10 and (drawn.max(axis=-1) > 60).mean() > 0.05
    assert min(tinted(drawn, colour) for colour in (FOUND, FALSE, MISSED)) > 20
    assert browser.execute_script("return document.getElementById('v-mark').checkVisibility()")
    kept = tmp_path_factory.mktemp("screenshots") / "report-SYNTHETIC.png"
    assert browser.save_screenshot(str(kept))


def test_only_the_open_case_was_unpacked(browser):
    # NiiVue itself, one image and the masks of the first case; its second image and the other case stay packed.
    assert browser.execute_script("return window.unpacked") == 3


def test_another_overlay_image_and_case_are_shown_when_they_are_chosen(browser):
    first = canvas(browser)
    choose(browser, "v-overlay", "none")
    wait_for(browser, "0 FLAIR none")
    bare = canvas(browser)
    assert tinted(bare, FOUND) == 0 and tinted(first, FOUND) > 20
    choose(browser, "v-image", "DWI")
    wait_for(browser, "0 DWI none")
    assert np.abs(canvas(browser) - bare).mean() > 0.5
    choose(browser, "v-case", "1")
    wait_for(browser, "1 DWI none")
    for overlay in ("truth", "votes", "disagreement", "mask:x", "errors:z"):
        choose(browser, "v-overlay", overlay)
        wait_for(browser, f"1 DWI {overlay}")
        assert np.abs(canvas(browser) - bare).mean() > 0.1, overlay
    assert "missed (FN)" in text(browser, "v-legend")


def test_one_plane_alone_is_shown_larger(browser):
    together = canvas(browser)
    choose(browser, "v-view", "0")
    time.sleep(1)
    alone = canvas(browser)
    choose(browser, "v-view", "3")
    assert np.abs(alone - together).mean() > 1


def test_the_keys_move_the_cross(browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    before = text(browser, "v-place")
    assert before.startswith("cross at")
    browser.find_element(By.ID, "v-canvas").send_keys(Keys.PAGE_UP, Keys.PAGE_UP)
    time.sleep(0.3)
    assert text(browser, "v-place") != before


def test_a_name_in_the_table_opens_its_case(browser):
    browser.execute_script("document.querySelectorAll('#every-case tbody button')[1].click()")
    wait_for(browser, "1 DWI errors:z")
    assert "<img src=x onerror=alert(1)>" in browser.execute_script(
        "return document.getElementById('v-case').selectedOptions[0].textContent"
    )


def test_a_table_is_sorted_by_the_column_that_is_clicked(browser):
    column = "[...document.querySelectorAll('#table-1 tbody tr')].map(row => Number(row.cells[2].dataset.sort))"
    unsorted = browser.execute_script(f"return {column}")
    browser.execute_script("document.querySelectorAll('#table-1 thead button')[2].click()")
    assert browser.execute_script(f"return {column}") == sorted(unsorted, reverse=True)
    browser.execute_script("document.querySelectorAll('#table-1 thead button')[2].click()")
    assert browser.execute_script(f"return {column}") == sorted(unsorted)


def test_the_switch_darkens_the_page(browser):
    paper = "getComputedStyle(document.body).backgroundColor"
    light = browser.execute_script(f"return {paper}")
    browser.execute_script("document.getElementById('theme').click()")
    dark = browser.execute_script(f"return {paper}")
    browser.execute_script("document.getElementById('theme').click()")
    assert (light, dark) == ("rgb(255, 255, 255)", "rgb(20, 23, 27)")


def test_paper_gets_pictures_in_place_of_the_viewer(browser):
    shown = "return ['stage', 'pictures'].map(n => getComputedStyle(document.querySelector('.' + n)).display)"
    assert browser.execute_script(shown) == ["block", "none"]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert browser.execute_script(shown) == ["none", "block"]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_phone_scrolls_down_only_and_shows_the_viewer_whole(browser):
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    time.sleep(0.5)
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    box = browser.execute_script(
        "const b = document.getElementById('v-canvas').getBoundingClientRect(); return [b.left, b.right]"
    )
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= 390 and box[0] >= 0 and box[1] <= 390


def test_nothing_was_fetched_and_nothing_was_refused(browser, page: Path):
    """After all of the above: whatever the viewer does on its own would have been seen by now."""
    asked = []
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent" and message["params"]["documentURL"] == page.as_uri():
            asked.append(message["params"]["request"]["url"])
    assert asked.count(page.as_uri()) == 1
    assert [url for url in asked if url != page.as_uri() and not url.startswith("data:image/")] == []
    assert faults(browser) == []


def test_the_policy_refuses_what_it_does_not_name(start, page: Path):
    driver = start()
    driver.get(page.as_uri())
    driver.execute_script(
        "window.refused = [];"
        "document.addEventListener('securitypolicyviolation', e => window.refused.push(e.effectiveDirective));"
        "const script = document.createElement('script'); script.textContent = 'window.ran = true';"
        "document.head.append(script);"
        "const style = document.createElement('style'); style.textContent = 'body { color: red }';"
        "document.head.append(style);"
        "fetch('http://localhost:9/').catch(() => {});"
        "const image = new Image(); image.src = 'http://localhost:9/a.png';"
    )
    time.sleep(0.5)
    refused = driver.execute_script("return window.refused")
    assert {"script-src-elem", "style-src-elem", "connect-src", "img-src"} <= set(refused)
    assert driver.execute_script("return window.ran") is None


def test_without_webgl_the_pictures_stand_in(start, page: Path):
    driver = start("--disable-3d-apis")
    driver.get(page.as_uri())
    wait_for(driver, "pictures")
    assert "lacks WebGL 2" in text(driver, "v-message")
    state = driver.execute_script(
        "const p = document.getElementById('v-pictures');"
        "return [getComputedStyle(p).display, p.querySelectorAll('img').length,"
        " document.querySelector('.stage').hidden, [...p.querySelectorAll('img')].every(i => i.naturalWidth > 100)]"
    )
    assert state == ["block", 2, True, True]
    assert faults(driver) == []
