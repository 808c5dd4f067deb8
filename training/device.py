"""The device to compute on and the number type to compute with."""

from typing import TYPE_CHECKING, Literal

from system.errors import OptionError

if TYPE_CHECKING:
    import torch

Precision = Literal["32", "bf16"]


def choose_device(name: str) -> "torch.device":
    """`auto`, `cpu`, `cuda`, a number of a CUDA device, or `mps`, as a torch device. Raises OptionError."""
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    text = f"cuda:{name}" if name.isdigit() else name
    try:
        device = torch.device(text)
    except RuntimeError:
        raise OptionError(f"--device {name}", "not a device", "give auto, cpu, cuda, mps or a number") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        have = torch.cuda.device_count()
        raise OptionError(f"--device {name}", f"this machine has {have} CUDA devices", "give cpu or auto")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise OptionError(f"--device {name}", "not available on this machine", "give cpu or auto")
    if device.type not in {"cpu", "cuda", "mps"}:
        raise OptionError(f"--device {name}", "not a device to train on", "give auto, cpu, cuda, mps or a number")
    return device


def choose_precision(asked: str, device: "torch.device") -> Precision:
    """bf16 where `device` multiplies it in hardware, else 32, if `asked` is auto; otherwise `asked`."""
    import torch

    if asked != "auto":
        return "bf16" if asked == "bf16" else "32"
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "32"
    if device.type == "cpu" and "avx512_bf16" in _cpu_flags():
        return "bf16"
    return "32"


def out_of_memory(batch: int, imgsz: int) -> OptionError:
    """The error for a training step that does not fit into the device's memory."""
    return OptionError(f"--batch {batch} --imgsz {imgsz}", "needs more memory than the device has", "give less")


def _cpu_flags() -> set[str]:
    import torch

    return {name for name, has in torch.cpu.get_capabilities().items() if has}
