"""Invented complaints by the hundred thousand: no two of one district and item complain of the same thing, but for those planted.

Every text is put together from a sentence everybody uses, a sentence everybody uses for that item, names of places and
numbers that vary, and what is complained of: two things and what became of them, in the words of the item. Texts of an item
share all but the last, and there a word at most.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, product
from random import Random

import pyarrow as pa

from linli.settings import SHANGHAI
from linli.similarity import TEXTS

DISTRICTS = 8
ITEMS = 29
COMPOUNDS = 40
_ALWAYS = 24  # so many words are kept for what is said of every complaint about an item
_P = 17  # a prime: the words of a complaint are a code of distance three

_THINGS = (
    "水箱盖板护栏台阶雨棚门禁信箱灯杆路沿井盖花盆围墙岗亭凉亭长椅秋千滑梯沙坑球架单杠晾衣储物车棚坡道扶手电闸配电水泵管井烟道排污"
    "化粪泵房门窗玻璃瓷砖墙皮屋檐天沟防水保温外机支架广告灯箱横幅喇叭音箱摄像探头道闸车位地锁锥桶石墩隔离绿篱草皮树枝藤蔓苗圃喷泉"
    "水池假山鱼缸鸽笼鸡舍狗窝猫舍蜂箱纸箱木板钢管铁架沙袋水泥砖块渣土油桶煤气液化炉灶烤架冰柜货架摊位棚布雨伞轮胎电瓶插座线缆光纤"
    "机柜天线锅盖太阳热水地暖阀门水表气表电表公示账目收据押金租金合同印章钥匙门牌路牌标线减速反光凸镜栏杆闸机快递柜机票据"
)
_BECAME = (
    "松动脱落开裂渗漏堵塞锈蚀倾斜塌陷破损丢失占用遮挡私装私改拆走挪动涂改撕毁熄灭闪烁短路漏电过热冒烟异响震动晃动卡死失灵停运"
    "积水结冰返味发霉长草枯死折断外溢飘散散落堆高剪断锁死封死焊住抬高挖开填平圈占转租倒卖涨价乱收拖欠隐瞒推诿拒修漏登"
    "错登重复超期过期停用闲置抢占并排横放倒放悬空外露裸露松脱错位变形翻倒褪色剥落凹陷鼓包弯折脱焊缠绕打结爆裂喷溅滴漏渗油结垢起泡掉漆"
    "泛碱长苔招虫生蛆腐烂变质凝固粘连夹手绊脚割伤扎胎刮花撞歪碾碎踩烂烧焦烤化冻裂晒脆泡胀沉降上浮偏斜歪扭扣留截断调包冒用挪用虚报瞒报"
    "漏缴多扣少发错收混装混放误投乱贴涂鸦喷漆刻字凿洞钻孔打桩焊接切割抛洒倾倒焚烧掩埋圈养放养散养屠宰叫卖揽客堵截尾随围堵插队逆行超速"
)
_EVERYBODY = (
    "您好，{place}{no}号楼的住户反映{said}，希望有关部门尽快处理，谢谢。",
    "从上周开始{place}{no}单元附近{said}，已经跟物业说过好几次了一直没有人管，请执法队员来看看。",
    "反映{place}的问题：{said}。请给个答复，联系人王女士[电话]。",
    "今天早上路过{place}东门发现{said}，影响居民生活，麻烦核实一下。",
    "{place}{no}号楼{no}层，{said}，老人孩子进出很不方便。",
)
_WORDS = [_THINGS[i : i + 2] for i in range(0, len(_THINGS), 2)]
_STATES = [_BECAME[i : i + 2] for i in range(0, len(_BECAME), 2)]
_SURNAMES = "春和松清映锦安兴福文朝梧康"
_ESTATES = ("花苑", "佳苑", "新村", "名邸", "雅居", "家园")


@dataclass(frozen=True)
class Planted:
    """A thing complained of in several compounds of one district, once in each."""

    district: int
    item: int
    first_on: dt.date
    said: str
    compounds: int


def complaints(seed: int, count: int, first_on: dt.date, days: int, planted: list[Planted]) -> pa.Table:
    """`count` complaints over `days` and the planted ones, as TEXTS with `compound_code`; planted case numbers begin with P."""
    rng = Random(seed)
    voices = [_Item(Random(f"{seed} {item}")) for item in range(ITEMS)]
    decks = {(district, item): voices[item].deck(rng) for district, item in product(range(DISTRICTS), range(ITEMS))}
    rows = []
    for no in range(count):
        district, item, compound = rng.randrange(DISTRICTS), rng.randrange(ITEMS), rng.randrange(COMPOUNDS)
        said = voices[item].sentence(next(decks[district, item]), rng)
        rows.append(_row(f"{no:07d}", district, item, compound, first_on + dt.timedelta(days=days * no // count), said, rng))
    for number, plant in enumerate(planted):
        for compound in range(plant.compounds):
            said = voices[plant.item].sentence(plant.said, rng)
            day = plant.first_on + dt.timedelta(days=3 * compound)
            rows.append(_row(f"P{number}-{compound}", plant.district, plant.item, compound, day, said, rng))
    rng.shuffle(rows)
    return pa.Table.from_pylist(rows, schema=TEXTS.append(pa.field("compound_code", pa.string())))


class _Item:
    """The words in which one item is complained of: a thing, another thing, and what became of each."""

    def __init__(self, rng: Random) -> None:
        things, states = rng.sample(_WORDS[_ALWAYS:], 2 * _P), rng.sample(_STATES[_ALWAYS:], 2 * _P)
        self.words = (things[:_P], things[_P:], states[:_P], states[_P:])
        # what is always said of this item, in one of three ways
        self.always = ["".join(rng.sample(_WORDS[:_ALWAYS], 2) + rng.sample(_STATES[:_ALWAYS], 2)) for _ in range(3)]

    def deck(self, rng: Random) -> Iterator[str]:
        """Things complained of, one after the other. Two in a row of _P * _P have at most one of the four words in common."""
        chosen = list(product(range(_P), range(_P)))
        rng.shuffle(chosen)
        for a, b in cycle(chosen):
            yield self.words[0][a] + self.words[2][(a + b) % _P] + self.words[1][b] + self.words[3][(a + 2 * b) % _P]

    def sentence(self, said: str, rng: Random) -> str:
        return f"{rng.choice(self.always)}，{said}"


def _row(case_no: str, district: int, item: int, compound: int, day: dt.date, said: str, rng: Random) -> dict[str, object]:
    place = _SURNAMES[compound % len(_SURNAMES)] + rng.choice("晖畅涛泉山华澜业星") + _ESTATES[compound % len(_ESTATES)]
    at = dt.datetime.combine(day, dt.time(rng.randrange(24), rng.randrange(60)), tzinfo=SHANGHAI)
    return {
        "case_no": case_no,
        "district_code": f"D{district}",
        "compound_code": f"D{district}-X{compound:02d}",
        "item_code": f"I{item:02d}",
        "reported_at": at,
        "reported_on": day,
        "text": rng.choice(_EVERYBODY).format(place=place, no=rng.randint(1, 99), said=said),
    }
