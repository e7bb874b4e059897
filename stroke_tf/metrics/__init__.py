"""How a mask is judged against the truth: counts first, formulas on counts, and every convention by name."""
