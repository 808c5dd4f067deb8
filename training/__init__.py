"""What every trainer shares: commands, runs, options, cross-validation and progress; knows no model."""
