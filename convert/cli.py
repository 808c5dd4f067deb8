"""The `convert` command."""

from typing import NoReturn

from datasets.console import new_app, run

app = new_app("convert")


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, "convert")


if __name__ == "__main__":
    main()
