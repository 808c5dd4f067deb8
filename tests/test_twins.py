"""What is kept twice on purpose (docs/adr/0010) is the same twice."""

from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_both_trainers_choose_their_device_alike() -> None:
    first, second = ((ROOT / room / "device.py").read_text() for room in ("train_det", "train_seg"))
    assert first == second
