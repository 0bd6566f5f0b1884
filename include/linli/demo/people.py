"""Invented people: names, phones, ID numbers and addresses that cannot belong to anyone.

Phones carry `0000` as their middle group and ID numbers an area code (`349001`) that was never assigned.
"""

from __future__ import annotations

from random import Random

_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎"
    "余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
_GIVEN_FIRST = "建国志秀桂玉春海文永明德俊晓雅思雨佳子浩宇欣家立红金凤兰淑景成新学庆长"
_GIVEN_LAST = "华英兰芳军平强伟敏丽霞云珍勇杰娟涛超鑫磊洋艳萍辉刚琴凯婷波龙峰莲宁松柏怡涵轩"
_ID_AREA = "349001"
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"
_MOBILE_PREFIXES = (
    "130",
    "133",
    "135",
    "136",
    "138",
    "139",
    "150",
    "152",
    "156",
    "158",
    "159",
    "177",
    "181",
    "187",
    "189",
    "199",
)


def person_name(rng: Random) -> str:
    """One Chinese name of two or three characters."""
    last = rng.choice(_SURNAMES)
    if rng.random() < 0.2:
        return last + rng.choice(_GIVEN_LAST)
    return last + rng.choice(_GIVEN_FIRST) + rng.choice(_GIVEN_LAST)


def phone(rng: Random) -> str:
    """An 11-digit mobile number in a group that operators do not hand out."""
    return f"{rng.choice(_MOBILE_PREFIXES)}0000{rng.randrange(10_000):04d}"


def id_number(rng: Random, birth_year: int) -> str:
    """An 18-character resident ID number with a right check digit and an area code that does not exist."""
    body = f"{_ID_AREA}{birth_year}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{rng.randrange(1000):03d}"
    remainder = sum(int(digit) * weight for digit, weight in zip(body, _ID_WEIGHTS, strict=True)) % 11
    return body + _ID_CHECKS[remainder]


def room(rng: Random) -> str:
    """Building, unit and room inside a compound, e.g. 6栋2单元403室."""
    return f"{rng.randint(1, 28)}栋{rng.randint(1, 4)}单元{rng.randint(1, 18)}0{rng.randint(1, 4)}室"
