"""Returns as communities file them, into a home for dbt: by hand, and by chance."""

from __future__ import annotations

import datetime as dt
import random

from linli.register import Batch
from warehouse_home import Home, Row, at


def a_return(file_sha: str, community: str, row_count: int) -> Row:
    return {
        "file_sha": file_sha, "sheet": "会议", "community_code": community, "month_on": dt.date(2026, 9, 1), "row_count": row_count,
        "is_complete": True, "received_at": at("2026-10-29 12:00"),
    }  # fmt: skip


def meetings(file_sha: str, community: str, count: int) -> list[Row]:
    of_file = {"_parent_version": file_sha, "community_code": community, "month_on": dt.date(2026, 9, 1)}
    return [of_file | {"meeting_no": str(number)} for number in range(1, count + 1)]


def returns_filed_again(home: Home) -> None:
    """Corrected sheets: C01's is stopped at the gate, C02's has one good row, C03's says there is none; C04 has two of one instant."""
    for number, community in enumerate(("C01", "C02", "C03")):
        home.land("meeting_returns.returns", [a_return(f"old{number}", community, 2)], snapshot="2026-10-29")
        home.land("meeting_returns.meetings", meetings(f"old{number}", community, 2), snapshot="2026-10-29")
    home.land(
        "meeting_returns.returns",
        [a_return("new0", "C01", 2), a_return("new1", "C02", 2), a_return("new2", "C03", 0)],
        snapshot="2026-10-30",
    )
    home.land("meeting_returns.meetings", meetings("new0", "C01", 2), snapshot="2026-10-30", rejected=[0, 1])
    home.land("meeting_returns.meetings", meetings("new1", "C02", 2), snapshot="2026-10-30", rejected=[1])
    home.land("meeting_returns.returns", [a_return("zz", "C04", 2), a_return("aa", "C04", 3)], snapshot="2026-10-30")
    home.land("meeting_returns.meetings", meetings("zz", "C04", 2), snapshot="2026-10-30")
    home.land("meeting_returns.meetings", meetings("aa", "C04", 3), snapshot="2026-10-30")


def random_returns(home: Home, snapshot: str, files: int, seed: int) -> list[tuple[Batch, list[int]]]:
    """Returns as communities might file them before `snapshot`: of any month, filed again and otherwise, matters listed again, held and
    solved by then or later. Returns the rows held back by the gate, batch by batch."""
    rng = random.Random(seed)
    filed = at(snapshot) - dt.timedelta(hours=2)
    landed_rows: dict[str, list[Row]] = {"returns": [], "meetings": [], "matters": [], "publicity_events": []}

    def day(around: dt.date) -> dt.date:
        return around + dt.timedelta(days=rng.randint(-30, 40))

    for number in range(files):
        month_on = rng.choice([dt.date(2026, month, 1) for month in (8, 9, 10, 11)])
        community = rng.choice(("340405-C01", "340405-C02", "340406-C01"))
        of = {"community_code": community, "month_on": month_on}
        sha = f"{snapshot}/{number}"
        for sheet, record in (("会议", "meetings"), ("议题", "matters"), ("普法", "publicity_events")):
            count = rng.randint(0, 4)
            file = of | {"file_sha": sha, "sheet": sheet, "district_code": community[:6], "row_count": count}
            file |= {"is_complete": rng.random() < 0.9, "received_at": filed + dt.timedelta(minutes=number)}
            landed_rows["returns"].append(file)
            for nth in rng.sample(range(6), count):
                row = of | {"_parent_version": sha, "compound_code": f"{community}-X0{rng.randint(1, 3)}"}
                if record == "meetings":
                    row |= {"meeting_no": f"M{nth}", "met_on": day(month_on), "officer_nos": ["E001"]}
                    row |= {"meeting_type": rng.choice(("会谈", "三方议事会", "片区会商"))}
                    row |= {"departments": rng.sample(["城管", "住建", "消防"], rng.randint(0, 3))}
                elif record == "matters":
                    row |= {"matter_no": f"Y{nth}", "meeting_no": f"M{rng.randint(0, 5)}", "item_code": "1-01", "raised_by": "居民"}
                    row |= {"department": rng.choice(("城管", None)), "heard_on": rng.choice((day(month_on), None))}
                    row |= {"solved_on": rng.choice((day(month_on), None, None))}
                else:
                    row |= {"event_no": f"P{nth}", "held_on": day(month_on), "event_type": "普法讲座", "attendee_count": nth}
                landed_rows[record].append(row)
    held = []
    for record, rows in landed_rows.items():
        rejected = [number for number in range(len(rows)) if record != "returns" and rng.random() < 0.1]
        batch = home.land(f"meeting_returns.{record}", rows, snapshot=snapshot, rejected=rejected)
        held += [(batch, rejected)] if rejected else []
    return held


def a_file_read_again_as_another_months(home: Home) -> None:
    """What was the return of September is one of October: its rows leave a month that none of the newly landed rows names."""
    of_october = {"month_on": dt.date(2026, 10, 1)}
    for file_sha, count, snapshot, more in (
        ("G", 2, "2026-10-30", {"met_on": dt.date(2026, 9, 9)}),
        ("F", 1, "2026-10-31", {"met_on": dt.date(2026, 9, 9)}),
        ("F", 1, "2026-11-04", of_october | {"met_on": dt.date(2026, 10, 9)}),
    ):
        moved = of_october if snapshot == "2026-11-04" else {}
        home.land("meeting_returns.returns", [dict(a_return(file_sha, "340405-C03", count)) | moved], snapshot=snapshot)
        more |= {"meeting_type": "会谈", "compound_code": "340405-C03-X01"}
        rows = [dict(row) | more for row in meetings(file_sha, "340405-C03", count)]
        home.land("meeting_returns.meetings", rows, snapshot=snapshot)
