"""`python -m train_det` is the `train_det` command."""

from train_det.cli import main

main()
