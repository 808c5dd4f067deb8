"""The stable codes of what conversions repair and lose; `docs/codes.md` explains them to users."""

from typing import Literal

import msgspec


class Code(msgspec.Struct, frozen=True):
    """`lost` is ground truth missing in the output, `repaired` is there but changed, `note` is worth knowing."""

    kind: Literal["lost", "repaired", "note"]
    meaning: str


CODES = {
    "below-min-area": Code("lost", "component with fewer pixels than --min-area"),
    "merged-gap": Code("note", "components nearer than --merge-gap joined into one annotation"),
}
