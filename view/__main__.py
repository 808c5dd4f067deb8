"""The `view` command, on the console and as `python -m view`."""

from system.startup import end_silently


def main() -> None:
    """Entry point of the console command."""
    end_silently()
    from view.cli import main as run_command

    run_command()


if __name__ == "__main__":
    main()
