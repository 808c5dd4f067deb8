"""The `train_det` command."""

from typing import NoReturn

from datasets.console import new_app, run

app = new_app("train_det")


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, "train_det")


if __name__ == "__main__":
    main()
