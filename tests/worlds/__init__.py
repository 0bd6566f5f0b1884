"""Random worlds of the case system, and a plain computation of the two marts to hold the warehouse against."""
