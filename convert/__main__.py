"""The `convert` command, on the console and as `python -m convert`."""

from typing import NoReturn

from system.startup import tune_process


def main() -> NoReturn:
    """Entry point of the console command."""
    tune_process()
    from convert.cli import main as run_command

    run_command()


if __name__ == "__main__":
    main()
