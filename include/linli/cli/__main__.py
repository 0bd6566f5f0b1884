"""`python -m linli.cli`."""

from linli.cli import app

app()
