"""What people write beside a decision and everybody may read: why, and which post answers for it."""

from __future__ import annotations

from linli.privacy.freetext import scrub


def problem_of(option: str, text: str) -> str:
    """What is wrong with the reason or the owner given as `option`: nothing in it, or a phone or ID number. Empty when it can be kept."""
    if not text.strip():
        return f"{option} 不能空着"
    if scrub(text) != text:
        return f"{option} 里有电话或证件号：只写理由、岗位或部门，不写个人信息"
    return ""
