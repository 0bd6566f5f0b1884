"""The spool's tables, as SQLite has them."""

SCHEMA = """
create table if not exists messages (
  number integer primary key autoincrement, kind text not null, severity text not null, topic text not null,
  fingerprint text not null, body text not null, told_at text not null
) strict;
create table if not exists deliveries (
  number integer not null references messages, channel text not null, recipient text not null,
  state text not null default 'waiting' check (state in ('waiting', 'sending', 'delivered', 'refused', 'given_up')),
  is_doubtful integer not null default 0, attempts integer not null default 0, said text not null default '',
  remark text not null default '', waits_since text not null, primary key (number, channel, recipient)
) strict;
create index if not exists deliveries_waiting on deliveries (channel, number) where state in ('waiting', 'sending');
create table if not exists states (
  watch text not null, topic text not null, fingerprint text not null, number integer not null references messages,
  since_at text not null, primary key (watch, topic)
) strict;
create table if not exists attempts (
  channel text not null, at text not null
) strict;
create index if not exists attempts_of_channel on attempts (channel, at);
create table if not exists troubles (
  channel text primary key, failures integer not null, retry_at text not null, state text not null, said text not null,
  since_at text not null
) strict;
create table if not exists silences (
  silence_id integer primary key autoincrement, source text not null, submitter text not null, kind text not null, until_on text not null,
  reason text not null, owner text not null, created_at text not null, ended_at text
) strict;
"""
