"""Random worlds of the four source systems, and a plain computation of eight marts to hold the warehouse against."""
