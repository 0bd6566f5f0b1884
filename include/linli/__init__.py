"""Linli: the pipeline and warehouse of district enforcement inside residential compounds."""

__version__ = "0.1.0"
