"""Numbers and masks as a reader sees them: tables and figures."""
