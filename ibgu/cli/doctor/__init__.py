"""`ibgu doctor`: what is on the hub and in the database, judged before ibgu is let loose there.

`probe_*` ask and put what they heard into `facts`; `judge_*` are pure functions from facts to
findings.
"""
