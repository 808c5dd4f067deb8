"""Every language has the words that the page uses, with the same values in them."""

import re
from importlib.resources import files

import pytest

from tests.view.browser import Open
from view.bundle import languages, read_asset

PAGE = files("view") / "page"
MODULES = sorted(path.name for path in PAGE.iterdir() if path.name.endswith(".js"))
USED = re.compile(r'\btext\((?:"([^"]+)"|`([^`]*)`)')
PLACE = re.compile(r"\{(\w+)\}")


def used_keys() -> tuple[set[str], set[str]]:
    """The keys that the modules name, and the beginnings of those that they compute."""
    found = [match for name in MODULES for match in USED.findall(read_asset(name))]
    exact = {key for key, _ in found if key} | {key for _, key in found if key and "${" not in key}
    return exact, {key.split("${")[0] for _, key in found if "${" in key}


def forms(entry: str | list[str]) -> list[str]:
    return [entry] if isinstance(entry, str) else entry


@pytest.mark.parametrize("code", [code for code in languages() if code != "en"])
def test_languages_have_the_same_keys_and_values(code: str) -> None:
    english, other = languages()["en"], languages()[code]
    assert english.keys() == other.keys()
    for key, entry in english.items():
        places = {place for form in forms(entry) for place in PLACE.findall(form)}
        assert {place for form in forms(other[key]) for place in PLACE.findall(form)} == places, key
        assert len(forms(entry)) <= 2
        assert all(form.strip() for form in forms(other[key]))


def test_every_word_is_used_and_every_used_word_exists() -> None:
    exact, beginnings = used_keys()
    known = set(languages()["en"])
    assert exact - known == set()
    assert all(any(key.startswith(start) for key in known) for start in beginnings)
    quoted = set(re.findall(r'"([\w.]+)"', "".join(read_asset(name) for name in MODULES)))
    unused = {
        key for key in known - exact - quoted - {"language"}
        if not any(key.startswith(start) for start in beginnings if start)
    }  # fmt: skip
    assert unused == set()


def test_the_reader_chooses_the_language(opened: Open, seg_page: object) -> None:
    page = opened(seg_page, locale="zh-TW")
    assert page.evaluate("() => document.documentElement.lang") == "zh-TW"
    assert page.locator('[data-figure="missed"] dt').inner_text() == languages()["zh-TW"]["figure.missed"]
    page.select_option("#language", "en")
    page.wait_for_function("() => document.documentElement.lang === 'en'")
    assert page.locator('[data-figure="missed"] dt').inner_text() == "Images missed"
    assert "language=en" in page.url
    french = opened(seg_page, locale="fr-FR")
    assert french.evaluate("() => document.documentElement.lang") == "en"


@pytest.mark.parametrize(
    ("wanted", "preferred", "chosen"),
    [(None, ["de", "zh-Hant-TW"], "zh-TW"), ("en", ["zh-TW"], "en"), ("xx", ["zh-HK", "en"], "zh-TW"),
     (None, ["zh-CN", "fr"], "en"), (None, ["en-GB"], "en"), (None, [], "en")],
)  # fmt: skip
def test_the_language_of_the_browser(
    wanted: str | None, preferred: list[str], chosen: str, javascript: Open
) -> None:
    known = list(languages())
    assert javascript("language", "chooseLanguage(...argument0)", [wanted, preferred, known]) == chosen
