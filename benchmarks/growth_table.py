"""The exponents of `benchmarks.growth`, and what 10 million images would take."""

from collections.abc import Sequence

import msgspec
import numpy as np

from system.console import print_table

MANY = 10_000_000
MACHINES = 10
CORES = 2  # of each machine


class Measured(msgspec.Struct, frozen=True):
    """One run of a command: processor seconds, and peak resident memory in MiB."""

    command: str
    images: int
    seconds: float
    megabytes: float


class Growth(msgspec.Struct, frozen=True):
    """How a command grows: seconds = start + factor * images ** exponent, and memory at both ends."""

    command: str
    start: float
    factor: float
    exponent: float
    megabytes: tuple[float, float]

    def hours(self, images: int) -> float:
        """Wall time of that many images, divided among MACHINES whose cores are always busy."""
        return self.factor * images**self.exponent / MACHINES / CORES / 3600


def growths(measured: Sequence[Measured]) -> list[Growth]:
    """One for each command, by least squares of the logarithms; the smallest size gives the start."""
    found = []
    for command in dict.fromkeys(one.command for one in measured):
        start, *rest = sorted((one for one in measured if one.command == command), key=lambda one: one.images)
        if len(rest) < 2:
            continue
        images = np.log([one.images - start.images for one in rest])
        seconds = np.log([one.seconds - start.seconds for one in rest])
        exponent, factor = np.polyfit(images, seconds, 1)
        memory = (rest[0].megabytes, rest[-1].megabytes)
        found.append(Growth(command, start.seconds, float(np.exp(factor)), float(exponent), memory))
    return found


def print_growth(measured: Sequence[Measured]) -> None:
    """Print every measured value and the growth."""
    rows = [(m.command, f"{m.images:,}", f"{m.seconds:.1f}", f"{m.megabytes:.0f}") for m in measured]
    print_table("Growth", ("command", "images", "processor s", "MiB"), rows)
    growth = []
    for one in growths(measured):
        memory = f"{one.megabytes[0]:.0f} to {one.megabytes[1]:.0f}"
        growth.append((one.command, f"{one.exponent:.3f}", memory, f"{one.hours(MANY):.2f}"))
    title = f"Exponent, and hours for {MANY:,} images on {MACHINES} machines of {CORES} cores"
    print_table(title, ("command", "exponent", "MiB", "hours"), growth)
