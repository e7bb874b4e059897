"""Numbers and masks as a reader sees them: tables, pictures and plots."""
