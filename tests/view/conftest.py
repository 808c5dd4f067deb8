"""Runs to look at, and the page in a real browser where there is one."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import run_command
from tests.view.fakes import make_dataset, make_run
from view.bundle import bundle

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 images of 200 x 160 pixels; read only."""
    return make_dataset(tmp_path_factory.mktemp("view") / "discs", images=24)


@pytest.fixture(scope="session")
def seg_run(dataset: Path) -> Path:
    return make_run(dataset.parent / "runs", dataset, "seg", seed=3)


@pytest.fixture(scope="session")
def det_run(dataset: Path) -> Path:
    return make_run(dataset.parent / "runs", dataset, "det", seed=4)


@pytest.fixture(scope="session")
def seg_page(seg_run: Path) -> Path:
    assert run_command("view", seg_run) == 0
    return seg_run / "view.html"


@pytest.fixture(scope="session")
def compare_page(det_run: Path, seg_run: Path, dataset: Path) -> Path:
    page = dataset.parent / "compare.html"
    assert run_command("view", det_run, seg_run, "--out", page) == 0
    return page


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium with a profile of its own."""
    executable = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if executable is None:
        pytest.skip("no chromium here, so the page is not tested in a browser (apt-get install chromium)")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where there is a browser

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=OPTIONS)
        yield running
        running.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a page file; whatever it asks of the network, and whatever error it meets, fails the test."""
    contexts, troubles = [], []

    def open_page(path: Path, address: str = "", **options: Any) -> Any:
        settings = {"viewport": {"width": 1280, "height": 800}} | options
        context = browser.new_context(**settings)
        context.set_default_timeout(120_000)  # milliseconds; a busy machine is not a failure
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda r: troubles.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        page.goto(path.resolve().as_uri() + (f"#{address}" if address else ""))
        page.wait_for_selector("#count", state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not troubles


@pytest.fixture(scope="session")
def javascript(browser: Any) -> Iterator[Callable[..., Any]]:
    """Work out an expression over what modules under view/page/ declare, the browser, with JSON arguments."""
    page = browser.new_page()

    def call(modules: str, expression: str, *arguments: Any) -> Any:
        names = "\n".join(f"const argument{i} = {json.dumps(a)};" for i, a in enumerate(arguments))
        inside = bundle(*modules.split()).removesuffix("})();\n").replace("(() => {", "", 1)
        return page.evaluate(f"() => {{ {inside}\n{names}\nreturn {expression}; }}")

    yield call
    page.close()
