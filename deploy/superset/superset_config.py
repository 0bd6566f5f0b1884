"""Superset beside Linli: Chinese, its secrets from files, reading the published data only."""

import os
from pathlib import Path

_SECRETS = Path(os.environ.get("SUPERSET_SECRETS", "/run/secrets"))


def _secret(name: str) -> str:
    return (_SECRETS / name).read_text(encoding="utf-8").strip()


SECRET_KEY = _secret("superset_secret_key")
SQLALCHEMY_DATABASE_URI = f"postgresql+psycopg2://superset:{_secret('superset_postgres_password')}@superset-metadata/superset"
BABEL_DEFAULT_LOCALE = "zh"
LANGUAGES = {"zh": {"flag": "cn", "name": "简体中文"}, "en": {"flag": "us", "name": "English"}}

# Behind a reverse proxy with TLS.
ENABLE_PROXY_FIX = True
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
PUBLIC_ROLE_LIKE = None
# Nothing is kept longer than the release it was read from.
DATA_CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
ROW_LIMIT = 10_000
SQL_MAX_ROW = 100_000
SQLLAB_TIMEOUT = 60
