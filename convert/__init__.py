"""Pure conversions between annotation formats, and the report of what was lost."""
