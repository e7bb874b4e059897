"""What the papers print, what they leave out, and which readings make their numbers possible."""
