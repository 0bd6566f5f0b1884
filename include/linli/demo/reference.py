"""Reference data of the demo districts: the seeds of `dbt_project/seeds/`, for one district or for many.

District 340405 carries its real name; everything below it (communities, compounds, officers, agreements, and the
29 items of the enforcement list) is an invented illustration. Periods are closed: `to_on` and `ended_on` are last days.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from random import Random

from linli.demo.people import person_name

Cell = str | int | bool
Table = tuple[tuple[str, ...], list[tuple[Cell, ...]]]

FIRST_DISTRICT = ("340405", "八公山区", "淮南市", "安徽省")
ROSTER_FROM = date(2025, 1, 1)

DEPARTMENTS: tuple[tuple[str, str, str], ...] = (
    ("urban_management", "城管", "城市管理行政执法局"),
    ("public_security", "公安", "公安分局"),
    ("housing", "住建", "住房和城乡建设局"),
    ("fire", "消防", "消防救援大队"),
    ("market", "市场监管", "市场监督管理局"),
    ("planning", "自规", "自然资源和规划分局"),
)
DEPARTMENT_NAME = {code: name for code, name, _ in DEPARTMENTS}

# item_code, item_name, lead department, assisting departments
_ITEMS: dict[tuple[str, str], tuple[tuple[str, str, str, str], ...]] = {
    ("1", "违法建设"): (
        ("1-01", "公共部位私搭乱建", "urban_management", "planning;housing"),
        ("1-02", "楼顶露台违法加建", "planning", "urban_management"),
        ("1-03", "圈占公共绿地", "urban_management", "planning"),
        ("1-04", "擅自改变房屋规划用途", "planning", "housing;market"),
    ),
    ("2", "房屋装修与物业管理"): (
        ("2-01", "装修拆改承重结构", "housing", "urban_management"),
        ("2-02", "外墙擅自开门开窗", "housing", "planning"),
        ("2-03", "物业服务不履约", "housing", ""),
        ("2-04", "公共收益不公开", "housing", "market"),
    ),
    ("3", "市容环境卫生"): (
        ("3-01", "乱倒建筑装修垃圾", "urban_management", "housing"),
        ("3-02", "毁绿种菜", "urban_management", ""),
        ("3-03", "油烟噪声扰民", "urban_management", "market"),
        ("3-04", "违规张贴小广告", "urban_management", "public_security"),
        ("3-05", "生活垃圾乱堆乱放", "urban_management", ""),
    ),
    ("4", "消防安全"): (
        ("4-01", "占用堵塞消防通道", "fire", "public_security;urban_management"),
        ("4-02", "楼道堆放杂物", "fire", "urban_management"),
        ("4-03", "电动自行车违规停放充电", "fire", "public_security"),
        ("4-04", "消防设施损坏停用", "fire", "housing"),
    ),
    ("5", "治安与生活安宁"): (
        ("5-01", "社会生活噪声扰民", "public_security", "urban_management"),
        ("5-02", "不文明养犬", "public_security", "urban_management"),
        ("5-03", "高空抛物", "public_security", "housing"),
        ("5-04", "群租房隐患", "public_security", "fire;housing"),
    ),
    ("6", "经营秩序"): (
        ("6-01", "住宅楼内无照经营", "market", "public_security"),
        ("6-02", "小餐饮食品安全", "market", "urban_management"),
        ("6-03", "流动摊点占道经营", "urban_management", "market;public_security"),
        ("6-04", "保健品虚假宣传", "market", "public_security"),
    ),
    ("7", "停车与公共秩序"): (
        ("7-01", "机动车乱停乱放", "public_security", "urban_management"),
        ("7-02", "私装地锁占用车位", "urban_management", "housing"),
        ("7-03", "废弃车辆占道", "public_security", "urban_management"),
        ("7-04", "充电桩安装受阻", "housing", "fire;planning"),
    ),
}
WHISTLE_LEVELS = (
    ("publicity", "宣传", 1),
    ("emergency", "应急", 2),
    ("enforcement", "执法", 3),
    ("tough_problem", "攻坚", 4),
)
CHANNELS = (
    ("resident_call", "居民来电"),
    ("officer_line", "队员直诉"),
    ("grid_report", "网格上报"),
    ("patrol_finding", "巡查发现"),
    ("council", "议事会"),
    ("snap_report", "随手拍"),
    ("hotline_12345", "12345热线"),
)
PHASES = (("before_complaint", "未诉先办"), ("on_complaint", "应诉即办"), ("after_closure", "结诉复办"))
STEP_KINDS = (
    ("reported", "上报"),
    ("accepted", "受理核实"),
    ("resolved", "办结反馈"),
    ("suspended", "挂起"),
    ("resumed", "恢复"),
    ("reopened", "重办"),
    ("invalidated", "作废"),
    ("withdrawn", "撤诉"),
    ("merged", "判重"),
)

_COMMUNITIES = ["春晖", "和畅", "松涛", "清泉", "映山", "锦华", "安澜", "福星", "朝霞", "梧桐", "康乐", "兴业", "文澜"]
_COMPOUND_SUFFIXES = ("家园", "花苑", "新村", "小区", "佳苑", "雅居", "名邸", "馨苑")
_DISTRICT_NAMES = ["望山", "临河", "松岭", "云溪", "石桥", "青枫", "南浦", "北固", "东篱", "西陵", "柳泉", "平湖"]
_STAFF = {"urban_management": 7, "public_security": 4, "housing": 3, "fire": 3, "market": 3, "planning": 2}
_POSTS = ("小区党支部兼职委员", "红色管家", "社区先锋岗")
# Officer (0-based in the district) who moved, the station (0-based) moved to, and the first day there.
_MOVES = {4: (8, date(2026, 4, 1)), 15: (11, date(2025, 9, 1))}


@dataclass(frozen=True)
class Compound:
    code: str
    name: str
    community_code: str
    station_code: str
    households: int


@dataclass(frozen=True)
class Officer:
    """One officer's post at one station from `from_on` to `to_on` (last day; None = still there)."""

    number: str
    name: str
    department_code: str
    station_code: str
    from_on: date
    to_on: date | None

    def serves_on(self, day: date) -> bool:
        return self.from_on <= day and (self.to_on is None or day <= self.to_on)


@dataclass(frozen=True)
class Item:
    code: str
    name: str
    category_code: str
    category_name: str
    lead: str
    assisting: tuple[str, ...]


@dataclass(frozen=True)
class District:
    """One district with all that is below it; `index` counts from 0 and spaces out the numbers of its records."""

    index: int
    code: str
    name: str
    city: str
    province: str
    communities: tuple[tuple[str, str], ...]
    compounds: tuple[Compound, ...]
    officers: tuple[Officer, ...]

    def officers_on(self, day: date) -> list[Officer]:
        return [officer for officer in self.officers if officer.serves_on(day)]


@cache
def items() -> tuple[Item, ...]:
    """The 29 items of the illustrative enforcement list."""
    return tuple(
        Item(code, name, category_code, category_name, lead, tuple(filter(None, assisting.split(";"))))
        for (category_code, category_name), rows in _ITEMS.items()
        for code, name, lead, assisting in rows
    )


@cache
def district(index: int) -> District:
    """The district numbered `index`; 0 is 八公山区, the others carry codes (349001…) that GB/T 2260 never assigned."""
    if index == 0:
        code, name, city, province = FIRST_DISTRICT
    else:
        turn, place = divmod(index - 1, len(_DISTRICT_NAMES))
        suffix = "" if turn == 0 else str(turn + 1)
        code, name, city, province = f"{349000 + index}", f"{_DISTRICT_NAMES[place]}{suffix}区", "示例市", "安徽省"
    rng = Random(f"reference/{index}")
    communities = tuple((f"{code}-C{n:02d}", f"{stem}社区") for n, stem in enumerate(_COMMUNITIES, 1))
    compounds = tuple(
        Compound(
            f"{code}-C{n:02d}-X{x:02d}",
            stem + suffix,
            f"{code}-C{n:02d}",
            f"{code}-S{n:02d}",
            rng.randrange(280, 1650, 2),
        )
        for n, stem in enumerate(_COMMUNITIES, 1)
        for x, suffix in enumerate(rng.sample(_COMPOUND_SUFFIXES, 2), 1)
    )
    return District(index, code, name, city, province, communities, compounds, tuple(_officers(index, code, rng)))


def _officers(index: int, district_code: str, rng: Random) -> list[Officer]:
    posts = [department for department, count in _STAFF.items() for _ in range(count)]
    taken: set[str] = set()
    officers = []
    for n, department in enumerate(posts):
        name = person_name(rng)
        while name in taken:
            name = person_name(rng)
        taken.add(name)
        number = f"E{index * len(posts) + n + 1:03d}"
        station = f"{district_code}-S{n % len(_COMMUNITIES) + 1:02d}"
        if n in _MOVES:
            to_station, moved_on = _MOVES[n]
            officers.append(Officer(number, name, department, station, ROSTER_FROM, moved_on - timedelta(days=1)))
            station = f"{district_code}-S{to_station + 1:02d}"
            officers.append(Officer(number, name, department, station, moved_on, None))
        else:
            officers.append(Officer(number, name, department, station, ROSTER_FROM, None))
    return officers


def on_duty(place: District, year: int, month: int) -> str:
    """The department that is rotating area lead in that month."""
    return DEPARTMENTS[(year * 12 + month + place.index) % len(DEPARTMENTS)][0]


def tables(scale: int) -> dict[str, Table]:
    """Every seed table as header and rows, by file stem, for `scale` districts."""
    places = [district(index) for index in range(scale)]
    return {
        "districts": (
            ("district_code", "district_name", "city_name", "province_name"),
            [(p.code, p.name, p.city, p.province) for p in places],
        ),
        "communities": (
            ("community_code", "community_name", "district_code"),
            [(code, name, p.code) for p in places for code, name in p.communities],
        ),
        "stations": (
            ("station_code", "station_name", "community_code", "district_code"),
            [
                (c.station_code, f"{c.name}综合执法工作站", c.community_code, p.code)
                for p in places
                for c in p.compounds
                if c.code.endswith("X01")
            ],
        ),
        "compounds": (
            ("compound_code", "compound_name", "community_code", "station_code", "district_code", "household_count"),
            [(c.code, c.name, c.community_code, c.station_code, p.code, c.households) for p in places for c in p.compounds],
        ),
        "compound_stations": (
            ("compound_code", "station_code", "from_on", "to_on"),
            [(c.code, c.station_code, str(ROSTER_FROM), "") for p in places for c in p.compounds],
        ),
        "departments": (("department_code", "department_name", "department_full_name"), list(DEPARTMENTS)),
        "enforcement_items": (
            (
                "item_code",
                "category_code",
                "category_name",
                "item_name",
                "lead_department_code",
                "assisting_department_codes",
                "is_illustration",
            ),
            [(i.code, i.category_code, i.category_name, i.name, i.lead, ";".join(i.assisting), "true") for i in items()],
        ),
        "officers": (
            ("officer_no", "officer_name", "department_code", "district_code", "station_code", "from_on", "to_on"),
            [
                (o.number, o.name, o.department_code, p.code, o.station_code, str(o.from_on), str(o.to_on or ""))
                for p in places
                for o in p.officers
            ],
        ),
        "rota": (
            ("district_code", "month_on", "department_code"),
            [
                (p.code, f"{year}-{month:02d}-01", on_duty(p, year, month))
                for p in places
                for year in (2025, 2026)
                for month in range(1, 13)
            ],
        ),
        "agreements": (
            ("agreement_no", "department_code", "compound_code", "post_name", "signed_on", "ended_on"),
            [row for p in places for row in _agreements(p)],
        ),
        "calendar_overrides": (("calendar_on", "is_workday", "reason"), []),
        "whistle_levels": (("whistle_level_code", "whistle_level_name", "rank"), list(WHISTLE_LEVELS)),
        "channels": (("channel_code", "channel_name"), list(CHANNELS)),
        "phases": (("phase_code", "phase_name"), list(PHASES)),
        "step_kinds": (("step_code", "step_name"), list(STEP_KINDS)),
    }


def _agreements(place: District) -> list[tuple[Cell, ...]]:
    rng = Random(f"agreements/{place.index}")
    rows: list[tuple[Cell, ...]] = []
    for n, compound in enumerate(place.compounds):
        for department in rng.sample([code for code, _, _ in DEPARTMENTS], 2 if n % 3 == 0 else 1):
            signed = date(2025, rng.randint(1, 6), rng.randint(1, 28))
            # A presence agreement runs at least a year before one of its sides ends it.
            ended = signed + timedelta(days=365 + rng.randrange(120)) if rng.random() < 0.12 else None
            number = f"{place.code}-XY{len(rows) + 1:03d}"
            rows.append((number, department, compound.code, rng.choice(_POSTS), str(signed), str(ended or "")))
    return rows


def write_reference(folder: Path, scale: int = 1) -> list[Path]:
    """Write every seed as CSV (UTF-8, LF) into `folder` for `scale` districts; return the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for stem, (header, rows) in tables(scale).items():
        path = folder / f"{stem}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)
        written.append(path)
    return written
