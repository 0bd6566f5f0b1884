"""The warehouse stage: accepted rows in, staging, facts and marts of the private working file out."""

from linli.warehouse.build import BuildReport, build
from linli.warehouse.dbt import BuildFailed

__all__ = ["BuildFailed", "BuildReport", "build"]
