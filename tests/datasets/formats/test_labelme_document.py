import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from datasets.formats.labelme import Shape, encode_raw, read_labelme
from datasets.formats.labelme_document import encode_document, new_document, with_shapes

# labelme allows coordinates up to 1e9; see below for those near 0
numbers = st.one_of(st.integers(-(10**9), 10**9), st.floats(1e-4, 1e9), st.floats(-1e9, -1e-4), st.just(0.0))
shapes = st.builds(
    Shape,
    st.text(),
    st.lists(st.tuples(numbers, numbers), min_size=1, max_size=5),
    st.none() | st.integers(0, 1000),
    shape_type=st.sampled_from([None, "polygon", "rectangle"]),
    mask=st.none() | st.text("abcdefg+/=", max_size=9),
)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(names, st.lists(shapes, max_size=3))
def test_a_new_file_has_the_bytes_that_python_writes(name: str, drawn: list[Shape]) -> None:
    raw = with_shapes(new_document(Path("a.json"), name, 30, 40), drawn)
    assert encode_document(name, 30, 40, drawn) == encode_raw(raw)


def test_numbers_near_0_keep_their_value(tmp_path: Path) -> None:
    points = [(1e-5, 2.5e-7), (5e-324, -1.5e-9), (1.0, 1.0)]
    content = encode_document("a.png", 30, 40, [Shape("x", points)])
    assert [tuple(point) for point in json.loads(content)["shapes"][0]["points"]] == points
    (tmp_path / "a.json").write_bytes(content)
    assert read_labelme(tmp_path / "a.json").shapes[0].points == points
