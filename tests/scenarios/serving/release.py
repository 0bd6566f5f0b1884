"""Releases made by hand: every kind of column there is, rows about officers and cases, and figures that all tell one number."""

from __future__ import annotations

from pathlib import Path

import duckdb

from linli.settings import Settings

VERSIONS = [f"2026111{number}T030000000000-{number}" for number in range(10)]
ROWS = 500
TABLES = """
    create schema mart; create schema ref; create schema closed;
    create table mart.mart_clock_257 (month date, district_code varchar, level varchar, key varchar, step varchar, due_count bigint,
        on_time_rate double, is_small_sample boolean, median_workdays double);
    create table mart.mart_score (month date, level varchar, key varchar, department_code varchar, officer_score_mean double);
    create table mart.mart_due_step (case_no varchar, round_no smallint, due_on date);
    create table mart.mart_campaign_proposal (month date, proposal_rank integer, score decimal(18,6), severity_points decimal(18,2));
    create table mart.mart_similar_cluster (month date, cluster_id varchar, case_count bigint, lead_case_no varchar);
    create table ref.dim_officer (officer_no varchar, officer_name varchar);
    create table ref.dim_level_key (level varchar, key varchar, key_name varchar);
    create table closed.month (month date, closed_at timestamptz);
    create table closed.figure (month date, mart varchar, level varchar, key varchar, grain varchar, metric varchar, value varchar);
    create table closed.restatement (month date, cause varchar, records varchar[], restated_at timestamptz);
    create table main.empty_one (month date, is_empty boolean);
    create table main.published_at (version varchar, published_at timestamptz, source varchar);
"""
FILLED = """
    insert into mart.mart_clock_257 select date '2026-01-01' + interval (n % 9) month, '340405',
        ['district', 'compound', 'officer'][1 + n % 3], 'K' || n, 'accept', {n}, case when n % 7 > 0 then n / 7 end, n % 2 = 0, 'nan'
        from range({rows}) r(n);
    insert into mart.mart_score values ('2026-10-01', 'department', 'fire', 'fire', {n}), ('2026-10-01', 'officer', 'E001', 'fire', {n});
    insert into mart.mart_due_step values ('340405-2026-000001', 1, '2026-11-02');
    insert into mart.mart_campaign_proposal values ('2026-10-01', 1, 1.234567, 10000), ('2026-10-01', 2, -30000, null),
        ('2026-10-01', 3, 0.000001, -0.01), ('1500-01-01', 4, 999999999999.999999, 0);
    insert into mart.mart_similar_cluster values ('2026-10-01', 'k1', {n}, '340405-2026-000001');
    insert into ref.dim_officer values ('E001', '队员甲');
    insert into ref.dim_level_key values ('officer', 'E001', '队员甲'), ('district', '340405', '示范区'),
        ('none', '"; drop', E'it''s\\t%s');
    insert into closed.month values ('2026-10-01', timestamptz '2026-11-01 09:30:00.123456+08'), (null, null);
    insert into closed.figure values
        ('2026-10-01', 'mart_clock_257', 'district', '340405', 'step=accept', 'due_count', '{n}'),
        ('2026-10-01', 'mart_clock_257', 'officer', 'E001', 'step=accept', 'due_count', '{n}'),
        ('2026-10-01', 'mart_ledger_integrity', null, null, 'rule=points_signed', 'broken_count', '{n}'),
        ('2026-10-01', 'mart_ledger_integrity', null, null, 'rule=points_signed', 'first_broken_entry_id', '7'),
        ('2026-10-01', 'mart_similar_case', null, null, 'case_no=340405-2026-000001', 'similarity', '0.9'),
        ('2026-10-01', 'mart_similar_cluster', null, null, 'cluster_id=k1', 'lead_case_no', '340405-2026-000001');
    insert into closed.restatement values ('2026-10-01', 'late_record', ['fct_case 340405-2026-000001', null, 'NULL', '', 'a,"b"\\c{{}}'],
        '2026-12-01 00:00+08'), ('2026-10-01', 'derived', [], null), ('2026-10-01', 'removed', null, null);
    insert into main.published_at values ('{version}', timestamptz '2026-11-01 03:00+08', 'case_system'),
        ('{version}', timestamptz '2026-11-01 03:00+08', 'patrol_app');
"""


def home(folder: Path, url: str) -> Settings:
    """A home of nothing but releases, to be served at `url`."""
    return Settings.load({"LINLI_HOME": str(folder), "LINLI_SERVING_URL": url})


def release(settings: Settings, number: int, *, rows: int = ROWS, more: str = "") -> str:
    """Publishes release `number`, in which every figure is that number; returns its version. `more` is SQL done to it besides."""
    settings.releases.mkdir(parents=True, exist_ok=True, mode=0o700)
    version = VERSIONS[number]
    path = settings.releases / f"linli-{version}.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as con:
        con.execute("set TimeZone='Asia/Shanghai'")
        con.execute(TABLES)
        con.execute(FILLED.format(n=number, rows=rows, version=version))
        con.execute(more)
    settings.published.unlink(missing_ok=True)
    settings.published.symlink_to(path)
    return version
