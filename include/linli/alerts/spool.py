"""The spool: what has been told, what waits for which channel, what is silenced. A file of its own, so that a night never waits for a robot
and a message survives whatever becomes of the register."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from linli.alerts.channels import Outcome
from linli.alerts.messages import Letter, Message
from linli.alerts.silences import NotSilenced, Silence
from linli.alerts.tables import SCHEMA
from linli.failures import Refusal
from linli.sqlitefile import SqliteFile

Routing = Callable[[Message], Sequence[tuple[str, str]]]
"""the (channel, recipient) a message goes to"""

_WAITING = "state in ('waiting', 'sending')"


class NoSuchMessage(Refusal):
    """No message has that number."""


@dataclass(frozen=True)
class Told:
    """A state that has been told and stands: the message that told it last, and since when it has been told without a break."""

    message: Message
    since_at: dt.datetime


@dataclass(frozen=True)
class Tally:
    """What a watch came to: numbers of messages told anew, of states that are as they were told, and of those silenced."""

    told: int = 0
    unchanged: int = 0
    silenced: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.told + other.told, self.unchanged + other.unchanged, self.silenced + other.silenced)


@dataclass(frozen=True)
class Parcel:
    """A message on its way to one recipient of one channel."""

    letter: Letter
    channel: str
    recipient: str


class Spool(SqliteFile):
    """The spool at `path`; safe for several processes, each method is one transaction."""

    schema = SCHEMA

    # ---- telling ---------------------------------------------------------------------------------------------------

    def tell(
        self,
        watch: str,
        current: Sequence[Message],
        *,
        at: dt.datetime,
        route: Routing,
        ended: Callable[[Told], Message | None] = lambda _: None,
    ) -> Tally:
        """Spools what of `current`, all states this watch sees now, is new or reads otherwise than told; a state told before that is no
        longer there has ended, and `ended` says what to tell of that.

        `ended` may take its time, so it is asked before anything is locked; a state that another process tells or ends meanwhile is left
        to that one.
        """
        silences = [silence for silence in self.silences() if not silence.is_over(at)]
        topics = {message.topic for message in current}
        gone = {topic: before for topic, before in self.standing(watch).items() if topic not in topics}
        last_words = {topic: ended(before) for topic, before in gone.items()}
        told = unchanged = silenced = 0
        with self._write() as db:
            standing = {row["topic"]: row for row in db.execute("select * from states where watch=?", (watch,))}
            for message in current:
                before = standing.pop(message.topic, None)
                if before and before["fingerprint"] == message.fingerprint:
                    unchanged += 1
                elif any(silence.covers(message, at) for silence in silences):
                    silenced += 1
                else:
                    number = self._add(message, at, route(message))
                    since = before["since_at"] if before else _text(at)
                    db.execute(
                        "insert or replace into states values (?,?,?,?,?)", (watch, message.topic, message.fingerprint, number, since)
                    )
                    told += 1
            for topic, row in standing.items():
                if gone.get(topic) != self._told(row):
                    continue
                last = last_words[topic]
                if last and any(silence.covers(last, at) for silence in silences):
                    silenced += 1
                elif last:
                    self._add(last, at, route(last))
                    told += 1
                db.execute("delete from states where watch=? and topic=?", (watch, topic))
        return Tally(told, unchanged, silenced)

    def _add(self, message: Message, at: dt.datetime, to: Sequence[tuple[str, str]]) -> int:
        cursor = self._db.execute(
            "insert into messages (kind, severity, topic, fingerprint, body, told_at) values (?,?,?,?,?,?)",
            (message.kind, message.severity, message.topic, message.fingerprint, message.to_json(), _text(at)),
        )
        number = int(cursor.lastrowid or 0)
        self._db.executemany(
            "insert into deliveries (number, channel, recipient, waits_since) values (?,?,?,?)",
            [(number, channel, recipient, _text(at)) for channel, recipient in to],
        )
        return number

    def _told(self, state: sqlite3.Row) -> Told:
        body = self._db.execute("select body from messages where number=?", (state["number"],)).fetchone()["body"]
        return Told(Message.from_json(body), dt.datetime.fromisoformat(state["since_at"]))

    def standing(self, watch: str) -> dict[str, Told]:
        """The states of a watch as they were told last, by topic."""
        rows = self._db.execute("select * from states where watch=?", (watch,)).fetchall()
        return {row["topic"]: self._told(row) for row in rows}

    # ---- delivering ------------------------------------------------------------------------------------------------

    def recall(self) -> None:
        """What a sender was sending when it was killed waits again, in doubt. To be called by the only sender."""
        with self._write() as db:
            db.execute("update deliveries set state='waiting', is_doubtful=1 where state='sending'")

    def next_parcel(self, channel: str) -> Parcel | None:
        """The message that waits for the channel and was tried least, the oldest of these; None when none waits.

        So one that brings a channel down each time does not stand before the others for ever.
        """
        row = self._db.execute(
            f"select d.*, m.body, m.told_at from deliveries d join messages m using (number) where channel=? and {_WAITING}"
            " order by attempts, number, recipient limit 1",
            (channel,),
        ).fetchone()
        if row is None:
            return None
        letter = Letter(
            row["number"], Message.from_json(row["body"]), dt.datetime.fromisoformat(row["told_at"]),
            (row["remark"],) if row["remark"] else (), bool(row["is_doubtful"]),
        )  # fmt: skip
        return Parcel(letter, channel, row["recipient"])

    def begin(self, parcel: Parcel, at: dt.datetime) -> None:
        """Notes that a sending begins: from here on it may have arrived."""
        with self._write() as db:
            db.execute(f"update deliveries set state='sending', attempts=attempts+1 where {_PARCEL}", _key(parcel))
            db.execute("insert into attempts values (?,?)", (parcel.channel, _text(at)))
            db.execute("delete from attempts where at < ?", (_text(at - dt.timedelta(hours=1)),))

    def end(
        self, parcel: Parcel, outcome: Outcome, at: dt.datetime, *, retry_at: dt.datetime | None, fallback: tuple[str, str] | None
    ) -> None:
        """Notes what became of a sending; a refused message goes to `fallback` (channel, remark) instead. With `retry_at` the channel is
        left alone until then."""
        state = outcome.state if outcome.state in ("delivered", "refused") else "waiting"
        with self._write() as db:
            db.execute(
                f"update deliveries set state=?, is_doubtful=max(is_doubtful, ?), said=? where {_PARCEL}",
                (state, int(outcome.is_doubtful), outcome.said, *_key(parcel)),
            )
            if retry_at:
                db.execute(
                    "insert into troubles values (?,1,?,?,?,?) on conflict (channel) do update set"
                    " failures=failures+1, retry_at=excluded.retry_at, state=excluded.state, said=excluded.said",
                    (parcel.channel, _text(retry_at), outcome.state, outcome.said, _text(at)),
                )
            else:
                db.execute("delete from troubles where channel=?", (parcel.channel,))
            if state == "refused" and fallback:
                self._forward(parcel.letter.number, *fallback, at)

    def give_up(self, channels: Sequence[str], *, before: dt.datetime, at: dt.datetime, fallback: str) -> int:
        """Ends waiting for channels not among `channels` (they are configured no more) and what has waited since before `before`; each
        goes to the fallback channel, with a remark. Returns how many."""
        with self._write() as db:
            rows = db.execute(f"select number, channel, waits_since from deliveries where {_WAITING}").fetchall()
            ended = [
                (row["number"], row["channel"], "渠道已不在配置中" if row["channel"] not in channels else "多日没有送达")
                for row in rows
                if row["channel"] != fallback and (row["channel"] not in channels or row["waits_since"] < _text(before))
            ]
            for number, channel, why in ended:
                db.execute(
                    f"update deliveries set state='given_up', said=? where number=? and channel=? and {_WAITING}",
                    (why, number, channel),
                )
                self._forward(number, fallback, f"本应发往 {channel}，{why}", at)
        return len(ended)

    def forget(self, before: dt.datetime) -> int:
        """Removes messages told before then that nothing waits for and no standing state was told by. Returns how many."""
        old = (
            "select number from messages m where told_at < ? and number not in (select number from states)"
            f" and not exists (select 1 from deliveries d where d.number = m.number and {_WAITING})"
        )
        with self._write() as db:
            db.execute(f"delete from deliveries where number in ({old})", (_text(before),))
            return db.execute(f"delete from messages where number in ({old})", (_text(before),)).rowcount

    def _forward(self, number: int, channel: str, remark: str, at: dt.datetime) -> None:
        self._db.execute(
            "insert or ignore into deliveries (number, channel, recipient, remark, waits_since) values (?,?,'',?,?)",
            (number, channel, remark, _text(at)),
        )

    def again(self, number: int, at: dt.datetime) -> int:
        """Lets what was refused or given up of a message wait again. Returns for how many recipients. Raises NoSuchMessage."""
        self.letter(number)
        with self._write() as db:
            changed = db.execute(
                "update deliveries set state='waiting', attempts=0, waits_since=? where number=? and state in ('refused', 'given_up')",
                (_text(at), number),
            )
            return changed.rowcount

    def attempts(self, channel: str, since: dt.datetime) -> list[dt.datetime]:
        """When sendings by the channel began since then, oldest first."""
        rows = self._db.execute("select at from attempts where channel=? and at > ? order by at", (channel, _text(since)))
        return [dt.datetime.fromisoformat(row["at"]) for row in rows]

    def note_attempt(self, channel: str, at: dt.datetime) -> None:
        """Counts a sending that is not of the spool, such as a test."""
        with self._write() as db:
            db.execute("insert into attempts values (?,?)", (channel, _text(at)))

    def mended(self, channel: str) -> None:
        """Forgets a channel's trouble: what waits for it is sent at once."""
        with self._write() as db:
            db.execute("delete from troubles where channel=?", (channel,))

    # ---- looking ---------------------------------------------------------------------------------------------------

    def troubles(self) -> dict[str, dict[str, Any]]:
        """Channels that did not take the last sending: failures in a row, retry_at, state, said, since_at."""
        rows = self._db.execute("select * from troubles").fetchall()
        instants = ("retry_at", "since_at")
        return {row["channel"]: dict(row) | {name: dt.datetime.fromisoformat(row[name]) for name in instants} for row in rows}

    def deliveries(self, *, number: int | None = None, unfinished: bool = False, limit: int = 200) -> list[dict[str, Any]]:
        """Messages with what became of them for each recipient, the newest first: number, kind, severity, title, told_at, channel,
        recipient, state, attempts, said."""
        rows = self._db.execute(
            """select m.number, m.kind, m.severity, json_extract(m.body, '$.title') as title, m.told_at, d.channel, d.recipient, d.state,
              d.attempts, d.said
            from messages m join deliveries d using (number)
            where (?1 is null or m.number = ?1) and (not ?2 or d.state <> 'delivered')
            order by m.number desc, channel, recipient limit ?3""",
            (number, int(unfinished), limit),
        )
        return [dict(row) | {"told_at": dt.datetime.fromisoformat(row["told_at"])} for row in rows]

    def counts(self) -> dict[str, int]:
        """How many deliveries are in each state."""
        rows = self._db.execute("select state, count(*) as found from deliveries group by state")
        return {row["state"]: int(row["found"]) for row in rows}

    def letter(self, number: int) -> Letter:
        """A message by its number. Raises NoSuchMessage."""
        row = self._db.execute("select body, told_at from messages where number=?", (number,)).fetchone()
        if row is None:
            raise NoSuchMessage(f"没有编号为 {number} 的消息；编号以 linli alerts list 所示为准")
        return Letter(number, Message.from_json(row["body"]), dt.datetime.fromisoformat(row["told_at"]))

    # ---- silences --------------------------------------------------------------------------------------------------

    def silence(self, *, source: str, submitter: str, kind: str, until_on: dt.date, reason: str, owner: str, at: dt.datetime) -> int:
        """Adds a silence, which has been checked; returns its number."""
        with self._write() as db:
            cursor = db.execute(
                "insert into silences (source, submitter, kind, until_on, reason, owner, created_at) values (?,?,?,?,?,?,?)",
                (source, submitter, kind, until_on.isoformat(), reason, owner, _text(at)),
            )
            return int(cursor.lastrowid or 0)

    def unsilence(self, silence_id: int, at: dt.datetime) -> None:
        """Ends a silence. Raises NotSilenced when there is none of that number that stands."""
        with self._write() as db:
            ended = db.execute("update silences set ended_at=? where silence_id=? and ended_at is null", (_text(at), silence_id))
            if not ended.rowcount:
                raise NotSilenced(f"没有编号为 {silence_id} 的静默；编号以 linli alerts silences 所示为准")

    def silences(self) -> list[Silence]:
        """Silences nobody has ended, those that are over included."""
        return [
            Silence(
                row["silence_id"], row["source"], row["submitter"], row["kind"], dt.date.fromisoformat(row["until_on"]), row["reason"],
                row["owner"], dt.datetime.fromisoformat(row["created_at"]),
            )
            for row in self._db.execute("select * from silences where ended_at is null order by silence_id")
        ]  # fmt: skip


_PARCEL = "number=? and channel=? and recipient=?"


def _key(parcel: Parcel) -> tuple[int, str, str]:
    return parcel.letter.number, parcel.channel, parcel.recipient


def _text(at: dt.datetime) -> str:
    """An instant as written: UTC with microseconds, so that text sorts as time does."""
    return at.astimezone(dt.UTC).isoformat(timespec="microseconds")
