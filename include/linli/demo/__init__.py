"""The four operational systems of an invented district, for real, so that a night has something to load."""
