"""The same problem is logged once, and again every minute as long as it lasts."""

from ibgu.flowcontrol.log_throttle import LogThrottle


def test_new_messages_are_logged_and_equal_ones_after_a_minute() -> None:
    now = [0.0]
    throttle = LogThrottle(lambda: now[0])
    assert throttle.due("lease", "no namespace")
    now[0] = 59.0
    assert not throttle.due("lease", "no namespace")
    assert throttle.due("watch", "no namespace")
    assert throttle.due("lease", "forbidden")
    assert throttle.due("lease", "no namespace")
    now[0] = 119.5
    assert throttle.due("lease", "no namespace")
    throttle.forget("lease")
    assert throttle.due("lease", "no namespace")
