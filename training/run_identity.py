"""Which model a run has: a text that changes when it is trained again, to state who made a prediction."""

import hashlib
from collections.abc import Iterator

from evaluate.run_folder import Run, is_fused
from training.fused_run import fused_members

WEIGHTS = (".pt", ".safetensors")  # not what is exported from them, which can be added later
DIGITS = 16


def run_identity(run: Run) -> str:
    """The beginning of the SHA-256 of the best weights in hexadecimal digits; of a fused run, of all that it uses.

    The location and the name of the run do not matter. Raises InputError if a run that is used is not there.
    """
    digest = hashlib.sha256()
    for one in _used(run):
        for path in sorted(one.root.rglob("weights/best.*")):
            if path.suffix in WEIGHTS:
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:DIGITS]


def _used(run: Run) -> Iterator[Run]:
    if not is_fused(run):
        yield run
        return
    for member in fused_members(run):
        yield from _used(member.run)
