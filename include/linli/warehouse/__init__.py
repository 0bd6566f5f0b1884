"""The warehouse stage: accepted rows in, staging, facts and marts of the private working file out."""

from linli.warehouse.build import BuildReport, Rebuilt, build, make_ready, rebuild, write_documentation
from linli.warehouse.dbt import BuildFailed
from linli.warehouse.descriptions import descriptions
from linli.warehouse.marts import monthly_marts
from linli.warehouse.project import CAMPAIGNS, chosen, small_group_n

__all__ = [
    "CAMPAIGNS",
    "BuildFailed",
    "BuildReport",
    "Rebuilt",
    "build",
    "chosen",
    "descriptions",
    "make_ready",
    "monthly_marts",
    "rebuild",
    "small_group_n",
    "write_documentation",
]
