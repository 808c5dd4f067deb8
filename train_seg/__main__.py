"""`python -m train_seg` is the `train_seg` command."""

from train_seg.cli import main

main()
