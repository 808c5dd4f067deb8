import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from datasets.masks.component import mask_to_component
from datasets.masks.edges import measure_edges, rle_to_edges
from datasets.masks.packed_mask import paint_packed
from datasets.masks.paint import paint
from datasets.masks.pixel_mask import write_packed_mask, write_pixel_mask
from datasets.masks.rle import encode

HEIGHT, WIDTH = 9, 70  # a row is more than one word for every number of bits


def edges_of(mask: np.ndarray) -> np.ndarray:
    return rle_to_edges(encode(mask))


instances = st.lists(
    st.tuples(
        st.sampled_from([1, 2, 3, 5, 15, 16, 255]),
        hnp.arrays(np.bool_, (HEIGHT, WIDTH), elements=st.booleans()).filter(np.any),
    ),
    max_size=4,
)


@given(instances)
def test_packed_painting_is_painting(drawn: list[tuple[int, np.ndarray]]) -> None:
    wanted, wanted_taken = paint(HEIGHT, WIDTH, [(k, mask_to_component(mask)) for k, mask in drawn])
    edges = [edges_of(m) for _, m in drawn]
    measured = measure_edges(edges, [HEIGHT] * len(edges))
    painted = [(k, e) for (k, _), e in zip(drawn, edges, strict=True)]
    mask, taken = paint_packed(HEIGHT, WIDTH, painted, measured)
    assert taken == wanted_taken
    assert measured == [(mask_to_component(m).box, m.sum()) for _, m in drawn]
    assert (mask is None) == (not drawn)
    if mask is not None:
        packed = np.unpackbits(mask.rows.view(np.uint8), axis=1).reshape(len(mask.rows), -1, mask.bits)
        values = (packed << np.arange(mask.bits)[::-1]).sum(axis=2)[:, :WIDTH]
        below = HEIGHT - mask.top - len(values)
        assert (np.pad(values, ((mask.top, below), (0, 0))) == wanted).all()


def test_packed_and_pixel_masks_are_the_same_file(tmp_path) -> None:
    block = np.zeros((300, WIDTH), np.bool_)
    block[130:140, 5:60] = True
    edges = edges_of(block)
    mask, _ = paint_packed(300, WIDTH, [(2, edges)], measure_edges([edges], [300]))
    write_packed_mask(str(tmp_path / "packed.png"), mask, 300, WIDTH)
    write_pixel_mask(tmp_path / "plain.png", block * np.uint8(2), 300, WIDTH)
    assert (tmp_path / "packed.png").read_bytes() == (tmp_path / "plain.png").read_bytes()
    picture = Image.open(io.BytesIO((tmp_path / "packed.png").read_bytes()))
    assert (np.asarray(picture) == block * 2).all()
    write_packed_mask(str(tmp_path / "blank.png"), None, 300, WIDTH)
    assert not np.asarray(Image.open(tmp_path / "blank.png")).any()
