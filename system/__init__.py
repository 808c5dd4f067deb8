"""What every room stands on: errors, files, processes and the terminal; knows neither images nor runs."""
