"""The warehouse stage: accepted rows in, staging, facts and marts of the private working file out."""

from linli.warehouse.build import BuildReport, Rebuilt, build, make_ready, rebuild
from linli.warehouse.dbt import BuildFailed
from linli.warehouse.marts import monthly_marts

__all__ = ["BuildFailed", "BuildReport", "Rebuilt", "build", "make_ready", "monthly_marts", "rebuild"]
