"""The same problem is logged once, and again every minute as long as it lasts."""

from ibgu.flowcontrol.seldom import Seldom


def test_new_words_are_told_and_the_same_ones_after_a_minute() -> None:
    now = [0.0]
    seldom = Seldom(lambda: now[0])
    assert seldom.due("lease", "no namespace")
    now[0] = 59.0
    assert not seldom.due("lease", "no namespace")
    assert seldom.due("watch", "no namespace")
    assert seldom.due("lease", "forbidden")
    assert seldom.due("lease", "no namespace")
    now[0] = 119.5
    assert seldom.due("lease", "no namespace")
    seldom.forget("lease")
    assert seldom.due("lease", "no namespace")
