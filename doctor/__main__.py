"""The `doctor` command, on the console and as `python -m doctor`."""

from system.startup import end_silently, tune_process


def main() -> None:
    """Entry point of the console command."""
    end_silently()
    tune_process()
    from doctor.cli import main as run_command

    run_command()


if __name__ == "__main__":
    main()
