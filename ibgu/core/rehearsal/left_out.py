"""The words for what is not rehearsed."""

LEFT_OUT = "other rollouts, and clusters that can't be reached at the beginning"
