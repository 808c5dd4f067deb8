import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from datasets.coco import Annotation, Image
from datasets.formats.dataset_folder import load_dataset
from datasets.masks.rle import decode, encode
from datasets.paste.compose import paste_images
from datasets.paste.pasted import Pasted
from datasets.paste.source import PasteImage, groups, list_paste_images
from system.errors import InputError, OptionError

SIZE = 120
GREY = 90


def given(
    number: int, *boxes: tuple[int, int, int, int, int], level: int = GREY, crowd: int = 0, product: str = ""
) -> PasteImage:
    """A grey image with a rectangle x, y, w, h of category c, as bright as 200 + c, for each of the boxes."""
    rgb = np.full((SIZE, SIZE, 3), level, np.uint8)
    annotations = []
    for k, (x, y, w, h, category) in enumerate(boxes):
        rgb[y : y + h, x : x + w] = 200 + category
        mask = np.zeros((SIZE, SIZE), np.uint8)
        mask[y : y + h, x : x + w] = 1
        annotations.append(
            Annotation(number * 10 + k, number, category, (x, y, w, h), w * h, encode(mask), iscrowd=crowd)
        )
    image = Image(number, f"{number}.png", SIZE, SIZE)
    return PasteImage(image, annotations, rgb.copy, product)


def pasted(images: list[PasteImage], count: int = 6, seed: int = 0, **options) -> list[Pasted]:
    return list(paste_images(images, count, seed, **options))


def mask_of(annotation: Annotation) -> np.ndarray:
    return decode(annotation.segmentation, SIZE, SIZE) > 0


@pytest.mark.parametrize("place", ["orbit", "anywhere", "same"])
def test_masks_and_boxes_are_exactly_the_pixels_that_show_the_defect(place) -> None:
    source, canvas = given(1, (40, 50, 30, 20, 1)), given(2, level=GREY + 4)
    for new in pasted([source, canvas], place=place):
        (annotation,) = new.annotations
        mask = mask_of(annotation)
        rows, columns = np.nonzero(mask)
        x, y = columns.min(), rows.min()
        assert annotation.bbox == (x, y, columns.max() - x + 1, rows.max() - y + 1)
        assert annotation.area == mask.sum()
        assert (new.rgb[~new.touched] == GREY + 4).all()
        assert not (mask & ~new.touched).any()
        # the rectangle is 201 in its source; the canvas is 4 brighter, and colours are matched to that
        bright = new.rgb.min(axis=2) > 160
        wrong = np.logical_xor(bright, mask)
        assert wrong.sum() <= 0.04 * mask.sum()
        assert not (wrong & ~(grown(mask, 1) & grown(~mask, 1))).any()
        inner = new.rgb[mask & ~grown(~mask, 3)]
        assert abs(inner.mean() - 205) < 1
        assert (grown(mask, 4) >= new.touched).all()
        seam = new.rgb[new.touched & ~grown(mask, 1)]
        assert abs(seam.astype(int) - GREY - 4).max() < 25


def grown(mask: np.ndarray, by: int) -> np.ndarray:
    wide = mask.copy()
    for _ in range(by):
        edge = np.pad(wide, 1)
        wide = np.logical_or.reduce([edge[i : i + SIZE, j : j + SIZE] for i in range(3) for j in range(3)])
    return wide


def test_the_map_leads_from_the_source_to_the_mask() -> None:
    source, canvas = given(1, (20, 30, 30, 12, 1)), given(2)
    for new in pasted([source, canvas], place="anywhere"):
        (origin,) = new.origins
        assert (origin.source, origin.source_annotation, new.canvas) == ("1.png", 10, "2.png")
        assert origin.annotation == new.annotations[0].id
        matrix = np.reshape(origin.matrix, (2, 3))
        corners = np.array([[20, 30, 1], [49, 30, 1], [20, 41, 1], [49, 41, 1]]) @ matrix.T
        x, y, w, h = new.annotations[0].bbox
        assert np.abs(corners.min(axis=0) - [x, y]).max() < 1.5
        assert np.abs(corners.max(axis=0) - [x + w - 1, y + h - 1]).max() < 1.5
        assert abs(np.linalg.det(matrix[:, :2])) ** 0.5 == pytest.approx(origin.move.scale, abs=1e-4)
        assert bool(np.linalg.det(matrix[:, :2]) < 0) == origin.move.mirror


def test_image_i_depends_on_seed_and_i_only() -> None:
    images = [given(1, (40, 50, 30, 20, 1)), given(2, (20, 20, 9, 40, 2)), given(3), given(4, level=99)]
    three, six = pasted(images, 3, 5), pasted(images, 6, 5)
    for a, b in zip(three, six, strict=False):
        assert (a.rgb == b.rgb).all()
        assert (a.image, a.annotations, a.origins) == (b.image, b.annotations, b.origins)
    assert any((a.rgb != b.rgb).any() for a, b in zip(three, pasted(images, 3, 6), strict=True))


def test_types_sources_and_canvases_take_turns() -> None:
    images = [given(n, (40, 50, 30, 20, 1 + n // 4)) for n in range(1, 5)] + [given(n) for n in (5, 6, 7)]
    new = pasted(images, 12)
    assert Counter(a.category_id for p in new for a in p.annotations) == {1: 6, 2: 6}
    assert Counter(p.origins[0].source for p in new) == {"1.png": 2, "2.png": 2, "3.png": 2, "4.png": 6}
    assert Counter(p.canvas for p in new) == {"5.png": 4, "6.png": 4, "7.png": 4}
    assert [p.image.file_name for p in new[:2]] == ["paste/0000.png", "paste/0001.png"]
    assert [p.image.id for p in new] == list(range(8, 20))
    assert [a.id for p in new for a in p.annotations] == list(range(41, 53))
    assert all(a.image_id == p.image.id for p in new for a in p.annotations)


def test_only_the_given_images_are_read() -> None:
    def never() -> np.ndarray:
        raise AssertionError("read an image that was not given")

    used = [given(1, (40, 50, 30, 20, 1)), given(2)]
    unused = [replace(given(n), read=never) for n in (3, 4)]
    assert len(pasted(used)) == 6
    with pytest.raises(AssertionError):
        pasted([*used, *unused])


def test_defects_stay_apart_unless_they_were_near_each_other() -> None:
    far, near = given(1, (10, 10, 12, 12, 1), (80, 80, 15, 9, 1)), given(2, (40, 40, 12, 12, 1), (53, 40, 9, 9, 2))
    assert [len(g) for g in groups(far)] == [1, 1]
    assert [len(g) for g in groups(near)] == [2]
    for new in pasted([far, given(3)], 20, place="anywhere"):
        a, b = (mask_of(annotation) for annotation in new.annotations)
        assert not (grown(a, 2) & grown(b, 2)).any()
    for new in pasted([near, given(3)], 4, place="anywhere"):
        assert new.origins[0].matrix == new.origins[1].matrix
        assert [a.category_id for a in new.annotations] == [1, 2]


def test_annotations_that_cannot_be_placed_are_left_out_and_counted() -> None:
    """A corner stays in the image only for rotations near right angles, the middle for any rotation."""
    corner = given(1, (1, 1, 9, 9, 1), (55, 55, 10, 10, 1))
    new = pasted([corner, given(2)], 12, place="orbit")
    left = [one for p in new for one in p.left_out]
    assert {(one.source, one.source_annotation, one.reason) for one in left} == {("1.png", 10, "no place")}
    assert len(left) + sum(len(p.annotations) for p in new) == 24
    assert 12 < sum(len(p.annotations) for p in new) < 24
    assert all(a.area >= 0.9 * 81 * 0.97**2 for p in new for a in p.annotations)


def test_a_defect_beside_a_crowd_stays_where_it_is() -> None:
    mixed = given(1, (40, 40, 12, 12, 1), (53, 40, 9, 9, 1), (90, 90, 9, 9, 1))
    crowd = msgspec.structs.replace(mixed.annotations[1], iscrowd=1)
    mixed = replace(mixed, annotations=[mixed.annotations[0], crowd, mixed.annotations[2]])
    (new,) = pasted([mixed, given(2)], 1)
    assert [o.source_annotation for o in new.origins] == [12]
    assert [(one.source_annotation, one.reason) for one in new.left_out] == [
        (10, "crowd or no mask"),
        (11, "crowd or no mask"),
    ]


def test_instances_cut_by_the_border_stay_at_the_border() -> None:
    cut = given(1, (0, 55, 60, 10, 1))
    for new in pasted([cut, given(2)], 8, place="anywhere"):
        mask = mask_of(new.annotations[0])
        assert mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()


def test_products_keep_their_canvases() -> None:
    images = [given(1, (40, 50, 30, 20, 1), product="jar"), given(2, (40, 50, 30, 20, 1), product="nut")]
    new = pasted([*images, given(3, product="nut"), given(4, product="cap")], 3)
    assert {(p.origins[0].source, p.canvas) for p in new} == {("2.png", "3.png")}


def test_refusals() -> None:
    source, canvas = given(1, (40, 50, 30, 20, 1)), given(2)
    for count, seed in ((0, 0), (-1, 0), (1, -1)):
        with pytest.raises(OptionError):
            paste_images([source, canvas], count, seed)
    with pytest.raises(InputError, match="negative"):
        paste_images([source], 1, 0)
    with pytest.raises(InputError, match="defect with a mask"):
        paste_images([canvas, given(3, (1, 1, 9, 9, 1), crowd=1)], 1, 0)
    wrong = replace(canvas, read=lambda: np.zeros((5, 6, 3), np.uint8))
    with pytest.raises(InputError, match="6 x 5 pixels, listed as 120 x 120"):
        pasted([source, wrong])
    with pytest.raises(InputError, match="fits on it"):
        pasted([given(1, (1, 1, 118, 118, 1)), replace(canvas, image=Image(2, "2.png", 60, 60), read=small)])


def small() -> np.ndarray:
    return np.full((60, 60, 3), GREY, np.uint8)


def test_a_fold_shows_its_own_pixels_only(coco_folder: Path) -> None:
    """Every image outside the fold is made red; no red pixel may come to the new images."""
    dataset = load_dataset(coco_folder)
    images = [image for coco in dataset.splits.values() for image in coco.images]
    fold = images[::2]

    def red() -> np.ndarray:
        return np.dstack([np.full((96, 96), 255, np.uint8), np.zeros((96, 96, 2), np.uint8)])

    marked = [g if g.image in fold else replace(g, read=red) for g in list_paste_images(dataset, images)]
    mine = {hashlib.sha256(p.rgb.tobytes()).digest() for p in pasted(list_paste_images(dataset, fold), 5)}
    assert mine == {
        hashlib.sha256(p.rgb.tobytes()).digest() for p in pasted([g for g in marked if g.image in fold], 5)
    }
    assert any(((p.rgb[..., 0] > 200) & (p.rgb[..., 1] < 40)).sum() > 500 for p in pasted(marked, 10))
    names = {image.file_name for image in fold}
    for new in pasted(list_paste_images(dataset, fold), 5):
        assert {new.canvas, *(o.source for o in new.origins)} <= names
