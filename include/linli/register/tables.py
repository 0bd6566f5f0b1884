"""The register's tables, as SQLite has them."""

SCHEMA = """
create table if not exists runs (
  token integer primary key autoincrement, run_id text not null unique, kind text not null, day text not null,
  as_of text not null, code_version text not null, started_at text not null, ended_at text, state text not null default 'running'
) strict;
create table if not exists demo_runs (
  run_id text primary key references runs (run_id)
) strict;
create table if not exists batches (
  batch_id text primary key, source text not null, record text not null, kind text not null, path text not null,
  row_count integer not null, interval_start text, interval_end text not null, snapshot_at text not null, run_id text not null,
  file_sha text, meta text not null, registered_at text not null
) strict;
create index if not exists batches_of_record on batches (source, record, interval_end);
create table if not exists verdicts (
  verdict_id text primary key, batch_id text not null references batches, n integer not null, path text,
  landed integer not null, accepted integer not null, quarantined integer not null, held integer not null, duplicates integer not null,
  stopped integer not null, run_id text not null, decided_at text not null,
  check (landed = accepted + quarantined + held + duplicates)
) strict;
create unique index if not exists verdicts_of_batch on verdicts (batch_id, n);
create table if not exists quarantine (
  source text not null, record text not null, key text not null, rules text not null, submitter text,
  first_batch_id text not null, batch_id text not null, row_no integer not null, source_ref text,
  opened_at text not null, last_seen_at text not null, closed_at text, closed_reason text
) strict;
create unique index if not exists quarantine_open on quarantine (source, record, key) where closed_at is null;
create table if not exists held (
  batch_id text not null, row_no integer not null, source text not null, record text not null, key text not null, rule text not null,
  since_at text not null, primary key (batch_id, row_no)
) strict;
create table if not exists files (
  file_sha text primary key, source text not null, file_label text not null, run_id text not null, seen_at text not null,
  state text not null
) strict;
create table if not exists source_status (
  run_id text not null, source text not null, feed text not null, state text not null, detail text not null default '',
  as_of text, landed integer not null default 0, reported_at text not null, primary key (run_id, source, feed)
) strict;
create table if not exists check_results (
  run_id text not null, source text not null, record text not null, rule text not null, severity text not null,
  evaluated integer not null, unexpected integer not null, result text not null, decided_at text not null,
  primary key (run_id, source, record, rule)
) strict;
create table if not exists answers (
  run_id text not null, stage text not null, rule text not null, state text not null check (state in ('passed', 'broken')),
  detail text not null, asked_at text not null, primary key (run_id, stage, rule)
) strict;
create table if not exists seeds_used (
  run_id text primary key, seeds text not null
) strict;
create table if not exists waivers (
  waiver_id integer primary key autoincrement, source text not null, record text not null, rule text not null, submitter text,
  ceiling integer not null check (ceiling > 0), reason text not null, owner text not null, made_on text not null, made_at text not null,
  until_on text not null, ended_on text, ended_at text
) strict;
create table if not exists dismissals (
  source text not null, record text not null, key text not null, batch_id text not null, reason text not null, owner text not null,
  dismissed_at text not null, primary key (source, record, key, batch_id)
) strict;
create table if not exists publications (
  version text primary key, run_id text not null, token integer not null, content_hash text not null, published_at text not null
) strict;
"""
