"""Lint: words that docs/glossary.md rejects, and phrases that are not English, occur in no source or document."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SUFFIXES = {".py", ".md", ".js", ".css", ".html", ".yaml", ".toml"}
REJECTED = re.compile(
    r"(?<![a-z])(tell|tells|told|say|says|said|anew|mend|mends|mended|spoil|spoils|spoilt|spoiled|lie|lies"
    r"|picture|pictures|by turns|for want of|share out|shared out|shares out|besides|at hand|as they are|as it is)"
    r"(?![a-z])",
    re.IGNORECASE,
)
# Constructions that are not English or need a second reading.
PHRASES = re.compile(
    r"(?<![a-z])((?P<before>[a-z]+) )?(is|are|was|were) no (?!longer|more|less|fewer|better|worse|different)[a-z]+"
    r"|(?<![a-z])(stands? for|what becomes? of|nobody foresaw|where there (is|are)(?=[.,;)])"
    r"|(one|a|each) (row|file|line|mask|image) an? (epoch|row|image|line|file)|(one|two|four|[0-9]+) a processor"
    r"|(is|are) so(?=[.,;)])|for an own|an own [a-z]+)(?![a-z])",
    re.IGNORECASE,
)
# Spellings that users' scripts rely on, and quotations.
ALLOWED = re.compile(
    r'[a-z-]*-picture[a-z-]*|labels-without-picture|<picture>|\{"images": "pictures"\}|"pictures": \d'
    r"|unlabelled pictures",
    re.IGNORECASE,
)
EXEMPT = {"CHANGELOG.md", "LICENSE", "docs/glossary.md", "tests/test_words.py"}


def rejected_words(text: str) -> list[tuple[int, str]]:
    """(line number, word) of each rejected word in `text`; names in snake_case count word by word."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        plain = ALLOWED.sub("", line).replace("_", " ")
        plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", plain)
        found += [(number, match[0]) for match in REJECTED.finditer(plain)]
    return found


def rejected_phrases(text: str) -> list[str]:
    """The rejected phrases in `text`, also across line breaks; names in snake_case count word by word."""
    plain = re.sub(r"[\s_#]+", " ", text)
    return [match[0] for match in PHRASES.finditer(plain) if (match["before"] or "").lower() != "there"]


def files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [name for name in listed if Path(name).suffix in SUFFIXES and name not in EXEMPT]


@pytest.mark.parametrize("name", files())
def test_no_rejected_word(name: str) -> None:
    path = ROOT / name
    if path.is_file():
        assert rejected_words(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", files())
def test_no_rejected_phrase(name: str) -> None:
    path = ROOT / name
    if path.is_file():
        assert rejected_phrases(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the picture lies here", ["picture", "lies"]),
        ("read_picture(PictureInfo)", ["picture", "Picture"]),
        ("| `missing-picture` | a listed image that does not exist |", []),
        ("listed, believe, mending, essays, applied", []),
        ("images are shared out", ["shared out"]),
    ],
)
def test_the_lint_finds_words_and_spares_codes(text: str, words: list[str]) -> None:
    assert [word for _, word in rejected_words(text)] == words


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("image_id 9 is no image", ["is no image"]),
        ("def test_what_is_no_list_is_refused", ["what is no list"]),
        ("There is no image, and there\n    are no masks", []),
        ("the loss is no longer a number, 80 were no better", []),
        ("the pixels that a code stands\n# for; one row an epoch", ["stands for", "one row an epoch"]),
        ("an error that nobody foresaw, where there is.", ["nobody foresaw", "where there is"]),
        ("where there is one, if that is not a file", []),
    ],
)
def test_the_lint_finds_phrases(text: str, phrases: list[str]) -> None:
    assert rejected_phrases(text) == phrases
