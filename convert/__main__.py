"""`python -m convert` is the `convert` command."""

from convert.cli import main

main()
