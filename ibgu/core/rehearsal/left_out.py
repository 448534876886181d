"""The words for what is not rehearsed."""

LEFT_OUT = (
    "approvals and demands of policies, the health of canaries, other rollouts, and clusters that "
    "can't be reached at the beginning"
)
