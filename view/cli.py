"""The `view` command."""

from typing import NoReturn

from datasets.console import new_app, run

app = new_app("view")


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, "view")


if __name__ == "__main__":
    main()
