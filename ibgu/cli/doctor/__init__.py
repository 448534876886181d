"""Implements `ibgu doctor`: checks hub and database before ibgu runs there.

`probe_*` ask and put the results into `facts`; `judge_*` are pure functions from facts to findings.
"""
