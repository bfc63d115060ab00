"""The explorer in a real browser: steps, clicks, keys, tabs, both modes, 400 and 1600 pixels; nothing is asked of a network.

Chromium is driven by playwright, headless. Where either is missing the tests are skipped, and say so.
"""

import os
import shutil

import numpy as np
import pytest

import wengert as wg

from .programs import CALLS, baydin, branching

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture(scope="module")
def browser():
    """Chromium: playwright's own if it is installed, else the system's."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the explorer is tested in a browser only with playwright")
    with playwright.sync_playwright() as p:
        own = p.chromium.executable_path
        system = next((found for found in map(shutil.which, BROWSERS) if found), None)
        path = own if os.path.exists(own) else system
        if path is None:
            pytest.skip("the explorer is tested in a browser only where Chromium is found: playwright install chromium")
        try:
            started = p.chromium.launch(executable_path=path)
        except playwright.Error as error:
            pytest.skip(f"Chromium does not start here: {str(error).splitlines()[0]}")
        yield started
        started.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Pages, written once."""
    folder = tmp_path_factory.mktemp("pages")
    for f, args in ((baydin, (2.0, 5.0)), (branching, (np.array([0.5, 0.7]), 8)), CALLS["recursion"]):
        wg.explore(f)(*args).save(str(folder / f"{f.__name__}.html"))
    return folder


@pytest.fixture
def opened(browser, files):
    """A function that opens a page; afterwards there must have been no message, no error and no request but for the file."""
    contexts, trouble = [], []

    def open_page(name, width=1600, height=1000, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: trouble.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
        page.on("request", lambda request: None if request.url.startswith("file:") else trouble.append(f"request: {request.url}"))
        page.goto((files / f"{name}.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert trouble == []


def shown(page, key):
    """The visible lines of a node."""
    return page.eval_on_selector_all(
        f"#w-{key} text", "all => all.filter(t => getComputedStyle(t).visibility === 'visible').map(t => t.textContent)"
    )


def test_steps_fill_in_values_tangents_and_adjoints(opened):
    page = opened("baydin")
    assert page.inner_text("#said") == "Forward pass, 1 of 25: v₋₁ = x₁ = 2"
    assert shown(page, "n0") == ["v₋₁ = x₁", "2"]
    assert shown(page, "n6") == ["v₅ = v₄ − v₃"]
    page.click("#pass-tangent")
    assert shown(page, "n6") == ["v₅ = v₄ − v₃", "11.652"]
    page.click("#pass-reverse")
    assert shown(page, "n6") == ["v₅ = v₄ − v₃", "11.652", "v̇₅ = 5.5", "v̄₅ = 1"]
    assert shown(page, "n0") == ["v₋₁ = x₁", "2", "v̇₋₁ = 1"]
    adjoints = []
    for _ in range(8):
        page.click("#next")
        adjoints.append(shown(page, "n1")[3:] + shown(page, "n0")[3:])
    assert adjoints[4:] == [
        ["v̄₀ = −0.284"],
        ["v̄₀ = −0.284", "v̄₋₁ = 5"],
        ["v̄₀ = 1.716", "v̄₋₁ = 5"],
        ["v̄₀ = 1.716", "v̄₋₁ = 5.5"],
    ]
    page.click("#back")
    assert shown(page, "n0")[-1] == "v̄₋₁ = 5", "and backwards"


def test_the_slider(opened):
    page = opened("baydin")
    page.focus("#position")
    page.keyboard.press("End")
    assert page.inner_text("#said").startswith("Reverse pass, 25 of 25")
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("#said").startswith("Reverse pass, 24 of 25")
    assert page.get_attribute("#position", "aria-valuetext").startswith("Reverse pass: v̄₀ = ")
    page.fill("#position", "9")
    assert page.inner_text("#said").startswith("Tangent pass, 10 of 25")


def test_keys(opened):
    page = opened("baydin")
    for key, wanted in (("ArrowRight", "Forward pass, 2"), ("t", "Tangent pass, 9"), ("r", "Reverse pass, 17"), ("f", "Forward pass, 1")):
        page.keyboard.press(key)
        assert page.inner_text("#said").startswith(wanted)
    page.keyboard.press("End")
    assert page.inner_text("#said").startswith("Reverse pass, 25")
    page.keyboard.press("Home")
    page.keyboard.press(" ")
    assert page.get_attribute("#play", "aria-pressed") == "true"
    page.locator("#said", has_text="Forward pass, 3").wait_for()
    page.keyboard.press(" ")
    assert page.get_attribute("#play", "aria-pressed") == "false"


def test_everything_is_reached_by_tab(opened):
    page = opened("branching")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.getAttribute('aria-label') || ''"))
    assert {"back", "play", "next", "position", "pass-reverse", "w-n0", "tab-node", "smaller", "fit"} <= reached
    assert any(name.startswith("Line ") for name in reached)


def test_nodes_by_keyboard(opened):
    page = opened("branching")
    page.focus("#w-n0")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.id") == "w-n2"
    page.keyboard.press("Enter")
    assert "v₂ = v₀ × 2" in page.inner_text("#panel-node")
    assert page.inner_text("#said").startswith("Forward pass, 1 "), "choosing a node is no step"


def test_from_line_to_node_and_back(opened):
    page = opened("branching")
    line = page.locator("#source li button", has_text="np.sin(y) * x")
    line.click()
    assert line.get_attribute("aria-pressed") == "true"
    lit = page.eval_on_selector_all("#canvas g.n.lit", "all => all.map(g => g.querySelector('text').textContent)")
    assert len(lit) > 3
    assert all("sin" in label or "×" in label or "iterations" in label for label in lit)
    page.locator("#canvas g.n", has_text="v₂ = v₀ × 2").first.click()
    assert page.locator("#source li.lit").inner_text().split()[1:] == ["y", "=", "y", "*", "2"]
    assert page.locator("#canvas g.n.lit").count() == 1
    assert "partial derivative [2, 2]" in page.inner_text("#panel-node")


def test_tabs(opened):
    page = opened("recursion")
    page.click("#tab-residuals")
    assert "the program keeps" in page.inner_text("#panel-residuals")
    assert page.locator("#panel-residuals tbody tr").count() > 1
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-compiler"
    assert page.is_visible("#stage-text")
    assert page.is_hidden("#panel-residuals")
    names = page.eval_on_selector_all("#stage option", "all => all.map(o => o.textContent)")
    assert names[0].startswith("IR, as traced")
    assert any(name.startswith("after ") for name in names)
    page.select_option("#stage", label=next(name for name in names if name.startswith("LLVM (")))
    assert "define" in page.inner_text("#stage-text")
    page.click("#tab-trace")
    page.locator("#panel-trace button").nth(30).click()
    assert ", 31 of" in page.inner_text("#said")
    assert page.locator("#panel-trace li[aria-current]").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1600])
@pytest.mark.parametrize("name", ["baydin", "branching", "recursion"])
def test_widths_and_modes(opened, name, width, scheme):
    page = opened(name, width=width, height=900, scheme=scheme)
    page.keyboard.press("End")
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page itself does not scroll sideways"
    for selector in ("#controls", "#said", "#source", "#canvas", "#more"):
        box = page.locator(selector).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width + 1
        assert box["width"] > 150
    source, canvas = page.locator("#source").bounding_box(), page.locator("#canvas").bounding_box()
    assert (source["y"] + source["height"] <= canvas["y"]) == (width == 400), "beside each other where there is room"
    texts = page.locator("#source li > :not(.number)")
    assert all(box["x"] + box["width"] <= width for box in (text.bounding_box() for text in texts.all())), "long lines are wrapped"
    if width == 1600:
        for tab in ("trace", "residuals", "compiler", "node"):
            page.click(f"#tab-{tab}")
            panel = page.locator(f"#panel-{tab}").bounding_box()
            assert panel["height"] >= 240 and panel["y"] + panel["height"] <= 900, "read without scrolling the page"
    for button in page.locator("button:visible").all()[:9]:
        assert button.bounding_box()["height"] >= 24, "WCAG 2.2: targets of at least 24 pixels"
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) < 200) == (scheme == "dark")


def test_labels_for_screen_readers(opened):
    page = opened("baydin")
    page.keyboard.press("End")
    assert page.get_attribute("#w-n0", "aria-label") == "v₋₁ = x₁, value 2, tangent v̇₋₁ = 1, adjoint v̄₋₁ = 5.5"
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, [role=tab], [role=tabpanel], section, svg, table')]
        .filter(e => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.textContent.trim() || e.labels?.length))
        .map(e => e.outerHTML.slice(0, 80))"""
    )
    assert unnamed == []
    assert page.get_attribute("#said", "aria-live") == "polite"
    assert page.locator("html").get_attribute("lang") == "en"


def test_the_graph_grows_and_shrinks(opened):
    page = opened("recursion")
    width = lambda: float(page.get_attribute("#canvas svg", "width"))
    page.click("#fit")
    fitted = width()
    page.click("#larger")
    assert width() == pytest.approx(1.25 * fitted)
    page.click("#fit")
    assert width() == pytest.approx(fitted)
