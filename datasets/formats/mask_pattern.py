"""The pattern by which the name of a mask follows from the name of its image."""

import re
import unicodedata
from pathlib import PurePosixPath

import msgspec

from system.errors import OptionError

STEM = "{stem}"
NUMBER = "{n}"
MAX_DIGITS = 9  # of the number of a mask


class MaskPattern(msgspec.Struct, frozen=True):
    """`image` and `mask` are names without endings with {stem} for what both share; {n} numbers several masks."""

    image: str
    mask: str

    def __str__(self) -> str:
        """As it was given."""
        return self.mask if self.image == STEM else f"{self.image}={self.mask}"

    @property
    def several(self) -> bool:
        """Whether an image may have several masks."""
        return NUMBER in self.mask

    def common_part(self, image: str) -> str | None:
        """What the name of an image without its ending shares with its mask, None for images the pattern excludes.

        >>> parse_pattern("img_{stem}=gt_{stem}").common_part("a/img_7")
        'a/7'
        """
        path = PurePosixPath(image)
        before, _, after = self.image.partition(STEM)
        stem = path.name
        if len(stem) < len(before) + len(after) or not (stem.startswith(before) and stem.endswith(after)):
            return None
        common = stem[len(before) : len(stem) - len(after)]
        return unicode_form((path.parent / common).as_posix()) if common else None

    def mask_of(self, common: str) -> str:
        """The name of the mask of an image without its ending, with {n} where several may be.

        >>> parse_pattern("{stem}_{n}").mask_of("a/7")
        'a/7_{n}'
        """
        path = PurePosixPath(common)
        return (path.parent / self.mask.replace(STEM, path.name)).as_posix()

    def common_parts(self, mask: str) -> list[str]:
        """What the name of a mask without its ending may share with its image; with {n} there may be several.

        >>> parse_pattern("{stem}{n}").common_parts("a12")
        ['a1', 'a']
        """
        path = PurePosixPath(mask)
        lengths = range(1, MAX_DIGITS + 1) if self.several else [1]
        stems = []
        for length in lengths:
            expression = re.escape(self.mask).replace(re.escape(STEM), "(?P<stem>.*)")
            expression = expression.replace(re.escape(NUMBER), f"[0-9]{{{length}}}")
            if match := re.fullmatch(expression, unicode_form(path.name), re.DOTALL):
                stems.append((path.parent / match["stem"]).as_posix() if match["stem"] else "")
        return [unicode_form(common) for common in stems if common]


def parse_pattern(text: str) -> MaskPattern:
    """The pattern `MASK` or `IMAGE=MASK`. Raises OptionError unless each side has {stem} once and no folder."""
    image, _, mask = text.rpartition("=")
    sides = text.split("=", 1)
    if any(side.count(STEM) != 1 for side in sides) or "/" in text or mask.count(NUMBER) > 1 or NUMBER in image:
        problem = "not a pattern for the names of masks (without extension)"
        remedy = f"give one like {STEM}_mask, img_{STEM}=gt_{STEM}, or {STEM}_{NUMBER} for several per image"
        raise OptionError(f"--pattern {text}", problem, remedy)
    return MaskPattern(unicode_form(image or STEM), unicode_form(mask))


def unicode_form(name: str) -> str:
    """`name` in one of the forms in which Unicode writes a letter with an accent: macOS separates the accent."""
    return unicodedata.normalize("NFC", name)
