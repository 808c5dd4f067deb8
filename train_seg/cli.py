"""The `train_seg` command."""

from typing import NoReturn

from datasets.console import new_app, run

app = new_app("train_seg")


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, "train_seg")


if __name__ == "__main__":
    main()
