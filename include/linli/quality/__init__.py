"""The quality page: what came in a night, what became of it, what is still open; one static file a day."""

from linli.quality.page import Bar, Cell, Page, Strip, Table, Trend, contents, render

__all__ = ["Bar", "Cell", "Page", "Strip", "Table", "Trend", "contents", "render"]
