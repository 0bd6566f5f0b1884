"""Random worlds of the four source systems, and a plain computation of their marts to hold the warehouse against."""
