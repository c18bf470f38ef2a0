"""Measurements. Figures are meant to be compared within one run; the machine and its load are printed with them."""
