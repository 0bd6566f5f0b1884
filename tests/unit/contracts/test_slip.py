"""What a slip says of itself, and what is said of its places."""

from __future__ import annotations

from linli.contracts.slip import some_of


def test_the_first_five_places_are_named_and_all_are_counted() -> None:
    places = [f"会议（2026-10）第{number}行" for number in range(4, 10)]
    assert some_of(places[:1]) == "会议（2026-10）第4行"
    assert some_of(places[:5]).endswith("、会议（2026-10）第8行")
    assert some_of(places) == f"{'、'.join(places[:5])} 等 6 处"
