"""Two hundred invented people whose every value carries a mark nothing else carries, put wherever people put personal data."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from night.systems import Systems, at

Row = dict[str, Any]
PEOPLE = 200
NAME_MARK, ADDRESS_MARK, PHONE_MARK, ID_MARK = "㐀", "㐂巷", "1994705", "34042119800229"
COMPOUND, STATION = "340405-C01-X01", "340405-S01"

_FULL_WIDTH = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")


@dataclass(frozen=True)
class Person:
    """One invented person; `spoken_*` are the same numbers as people write them."""

    no: int

    @property
    def name(self) -> str:
        return f"欧阳{NAME_MARK}{chr(0x3500 + self.no)}"

    @property
    def phone(self) -> str:
        return f"{PHONE_MARK}{self.no:04d}"

    @property
    def id_no(self) -> str:
        return f"{ID_MARK}{self.no:03d}{'X' if self.no % 2 else self.no % 10}"

    @property
    def address(self) -> str:
        return f"春晖花苑{ADDRESS_MARK}{self.no}号楼{self.no}室"

    @property
    def spoken_phone(self) -> str:
        plain = self.phone
        return (
            plain,
            f"{plain[:3]} {plain[3:7]} {plain[7:]}",
            f"{plain[:3]}-{plain[3:7]}-{plain[7:]}",
            plain.translate(_FULL_WIDTH),
            f"+86 {plain}",
            f"８６{plain[:3]}　{plain[3:7]}　{plain[7:]}".translate(_FULL_WIDTH),
        )[self.no % 6]

    @property
    def spoken_id(self) -> str:
        plain = self.id_no
        return (plain, f"{plain[:6]} {plain[6:10]} {plain[10:14]} {plain[14:]}", f"{plain[:6]}-{plain[6:14]}-{plain[14:]}",
                plain.translate(_FULL_WIDTH), plain.lower())[self.no % 5]  # fmt: skip

    @property
    def numbers(self) -> str:
        return f"联系{self.spoken_phone}，身份证{self.spoken_id}"

    @property
    def all_said(self) -> str:
        return f"{self.name}（{self.address}）反映，{self.numbers}。"


PERSONS = [Person(no) for no in range(PEOPLE)]


def case_no(person: Person) -> str:
    return f"340405-2026-{person.no + 1:06d}"


def _case(person: Person) -> Row:
    day = at(1 + person.no % 25)
    bad: Row = {0: {"channel": f"微信{person.no}"}, 1: {"reported_at": at(30)}}.get(person.no % 7, {})
    return {
        "case_no": case_no(person), "district_code": "340405", "compound_code": COMPOUND, "station_code": STATION,
        "channel": "居民来电", "phase": "应诉即办", "item_code": "1-01",
        "title": f"{person.name}反映楼道堆物 {person.spoken_phone}", "description": person.all_said,
        "reporter_name": f" {person.name} " if person.no % 3 else person.name,
        "reporter_phone": person.spoken_phone, "reporter_id_no": person.spoken_id, "reporter_address": person.address,
        "lead_department": "城管", "officer_no": "E001", "on_scene": False, "status": "处置中", "reported_at": day, "created_at": day,
        "updated_at": day,
    } | bad  # fmt: skip


def _steps(person: Person) -> list[Row]:
    day = at(1 + person.no % 25)
    kinds = ("上报", "受理核实", "挂起") if person.no % 4 else ("上报", "受理核实", "办结反馈")
    return [
        {"step_id": person.no * 10 + n, "case_no": case_no(person), "round_no": 0 if person.no % 11 == 0 and n == 2 else 1, "step": kind,
         "stepped_at": day + dt.timedelta(hours=n), "officer_no": "E001", "reason": f"住户不在家，{person.numbers}",
         "created_at": day + dt.timedelta(hours=n)}
        for n, kind in enumerate(kinds)
    ]  # fmt: skip


def _callback(person: Person) -> Row:
    """Most have an outcome nobody knows, so that the gate stops the batch."""
    moment = at(26, 10)
    return {
        "callback_id": person.no + 1, "case_no": case_no(person), "round_no": 1, "side": "居民", "respondent_role": "居民",
        "called_at": moment, "outcome": "接通" if person.no % 3 == 0 else "占线", "solved": True, "department_score": 5,
        "officer_score": 4, "comment": f"{person.name}打来，{person.numbers}", "called_by": person.name, "updated_at": moment,
    }  # fmt: skip


def _consultation(person: Person) -> Row:
    return {
        "consultation_id": person.no + 1, "case_no": case_no(person), "expert_kind": "律师" if person.no % 5 else "亲戚",
        "consulted_at": at(26), "legal_risk": "低", "opinion": f"建议调解，{person.numbers}", "updated_at": at(26),
    }  # fmt: skip


def _resident(person: Person) -> Row:
    return {
        "resident_no": f"R{person.no:05d}", "district_code": "340405", "compound_code": COMPOUND if person.no % 9 else "340405-C99-X99",
        "household_no": f"H{person.no:05d}", "name": person.name, "phone": person.spoken_phone, "birth_year": 1980, "kind": "其他",
        "is_lead": False, "joined_on": at(1).date(), "updated_at": at(1 + person.no % 25),
    }  # fmt: skip


def _dispute(person: Person) -> Row:
    moment = at(2 + person.no % 20).isoformat()
    return {
        "dispute_id": f"D-{person.no:06d}", "district_code": "340405", "compound_code": COMPOUND, "volunteer_no": f"V{person.no:04d}",
        "officer_no": None, "topic": f"楼上漏水，{person.numbers}", "raised_at": moment if person.no % 6 else f"电{person.spoken_phone}",
        "defused_at": None, "updated_at": moment, "deleted": False,
    }  # fmt: skip


def _matter(person: Person) -> Row:
    return {
        "matter_no": f"YT{person.no:04d}" + f" {person.phone}" * (person.no % 7 == 0), "meeting_no": "HY0001",
        "compound_code": COMPOUND, "item_code": "1-01", "content": f"加装电梯，{person.numbers}",
        "raised_by": "居民" if person.no % 5 else f"居民{person.spoken_phone}", "department": "城管",
        "heard_on": "2026-10-08" if person.no % 2 else f"见 {person.spoken_phone} {person.spoken_id}",
    }  # fmt: skip


def _meeting(no: int, person: Person) -> Row:
    return {
        "meeting_no": f"HY{no:04d}", "meeting_type": "三方议事会", "compound_code": COMPOUND, "met_on": "2026-10-08",
        "started_time": "09:00", "host_unit": "春晖社区", "departments": "城管", "officer_nos": f"E001、{person.spoken_phone}",
        "has_enforcement": "是", "resident_count": 12 if no == 1 else f"12人，找{person.spoken_phone}",
    }  # fmt: skip


def settle(systems: Systems) -> None:
    """Every person everywhere: as reporter, caller, resident, in free text, in file names, in cells that cannot be read."""
    systems.load({
        "case_system.cases": [_case(person) for person in PERSONS],
        "case_system.case_steps": [step for person in PERSONS for step in _steps(person)],
        "case_system.callbacks": [_callback(person) for person in PERSONS],
        "case_system.consultations": [_consultation(person) for person in PERSONS[:60]],
        "points_ledger.residents": [_resident(person) for person in PERSONS],
    })  # fmt: skip
    systems.api.items["/v1/disputes"] = sorted((_dispute(person) for person in PERSONS[:80]), key=lambda item: str(item["updated_at"]))
    title = "八公山区春晖社区2026年10月会议台账"
    for no, person in enumerate(PERSONS[:6]):
        systems.drop(
            f"340405-C01_202610_会议（{person.name} {person.spoken_phone} {person.spoken_id} {person.address} v{no + 1}）.xlsx",
            {"会议": [_meeting(1, person), _meeting(2, person)], "议题": [_matter(other) for other in PERSONS[no * 30 : no * 30 + 30]]},
            title=f"{title} {person.name} {person.phone}",
            dropped_at=at(26, 10 + no),
        )
    for person in PERSONS[6:10]:
        systems.put(f"{person.name}{person.phone}.xlsx", f"不是表格 {person.all_said}".encode(), at(26))
        listed = f"议题编号,会议编号,议题内容\nYT1,{person.phone},{person.all_said}\n".encode("gb18030", "replace")
        systems.put(f"340405-C01_202609_议题{person.name}.csv", listed, at(26))
