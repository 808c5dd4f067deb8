"""The `convert` command, on the console and as `python -m convert`."""

from typing import NoReturn

from system.startup import hasten


def main() -> NoReturn:
    """Entry point of the console command."""
    hasten()
    from convert.cli import main as run_command

    run_command()


if __name__ == "__main__":
    main()
