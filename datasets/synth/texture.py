"""Random textures of the synthetic bottle: periodic ripples and smoothed noise."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]
TAU = float(2 * np.pi)


def ripple(angle: Float, rng: np.random.Generator, orders: int) -> Float:
    """Smooth random function of an angle, periodic, with deviation 1.

    `angle`: radians, any shape. The curve is a sum of the first `orders` harmonics.
    Higher harmonics are weaker, so more orders give a rougher curve.
    """
    order = np.arange(1, orders + 1)
    amplitude = rng.standard_normal(orders) / np.sqrt(order)
    amplitude /= np.sqrt((amplitude**2).sum() / 2)
    phase = rng.uniform(0, TAU, orders)
    waves = np.zeros(angle.shape, np.float32)
    for k, a, p in zip(order, amplitude, phase, strict=True):
        waves += np.float32(a) * np.cos(np.float32(k) * angle + np.float32(p))
    return waves


def smooth_noise(shape: tuple[int, int], sigma: tuple[float, float], rng: np.random.Generator) -> Float:
    """Gaussian noise blurred by `sigma` (rows, columns; pixels), with deviation 1.

    The rows wrap around: row 0 continues the last row, so a strip of angles has no
    visible seam.
    """
    noise = rng.standard_normal(shape, np.float32)
    pad = min(int(4 * sigma[0]) + 1, shape[0])
    noise = np.concatenate([noise[-pad:], noise, noise[:pad]])
    noise = cv2.GaussianBlur(noise, (0, 0), sigmaX=sigma[1], sigmaY=sigma[0])
    inner = np.asarray(noise[pad:-pad], np.float32)
    return inner / max(float(inner.std()), 1e-6)


def angle_from(angle: Float, centre: float) -> Float:
    """Signed difference of angles in radians, within [-pi, pi)."""
    return (angle - np.float32(centre) + np.float32(np.pi)) % np.float32(TAU) - np.float32(np.pi)


def window(offset: Float, width: float) -> Float:
    """Gaussian bell curve with height 1 at offset 0 and standard deviation `width`."""
    bell: Float = np.exp(np.float32(-0.5) * (offset / np.float32(width)) ** 2)
    return bell


def step(values: Float, soft: float) -> Float:
    """Smooth step from 0 to 1 around value 0, with width `soft`."""
    ramp: Float = np.clip(values / np.float32(soft) + np.float32(0.5), 0, 1)
    return ramp


def plane_waves(x: Float, y: Float, rng: np.random.Generator, wavelength: float, count: int = 11) -> Float:
    """Random smooth field over the points `x`, `y`, with deviation 1.

    `wavelength` is in the units of the points, so the field looks the same at any resolution.
    """
    field = np.zeros(x.shape, np.float32)
    for _ in range(count):
        heading = rng.uniform(0, TAU)
        frequency = TAU / (wavelength * rng.uniform(0.5, 2.0))
        along = np.float32(frequency * np.cos(heading)) * x
        along += np.float32(frequency * np.sin(heading)) * y
        field += np.cos(along + np.float32(rng.uniform(0, TAU)))
    return field * np.float32(np.sqrt(2 / count))


@dataclass(frozen=True)
class Facets:
    """Straight-edged cells of scattered points, like splintered glass.

    `cell`: index of the cell of every point. `across`, `down`: place of the point relative
    to the middle of its cell. `border`: approximate distance from the nearest border.
    """

    cell: npt.NDArray[np.intp]
    across: Float
    down: Float
    border: Float


def shatter(x: Float, y: Float, rng: np.random.Generator, count: int) -> Facets:
    """Split the points `x`, `y` (one-dimensional) into `count` elongated facets."""
    heading, stretch = rng.uniform(0, TAU), rng.uniform(1.0, 2.2)
    cos, sin = np.float32(np.cos(heading)), np.float32(np.sin(heading))
    u, v = x * cos + y * sin, (y * cos - x * sin) * np.float32(stretch)
    middle = rng.integers(0, len(x), count)
    nearest = np.full(x.shape, np.inf, np.float32)
    second = np.full(x.shape, np.inf, np.float32)
    cell = np.zeros(x.shape, np.intp)
    for k, m in enumerate(middle):
        distance = np.hypot(u - u[m], v - v[m])
        closer = distance < nearest
        second = np.where(closer, nearest, np.minimum(second, distance))
        nearest = np.where(closer, distance, nearest)
        cell[closer] = k
    border = (second - nearest) / np.float32(2)
    return Facets(cell, x - x[middle[cell]], y - y[middle[cell]], border)
