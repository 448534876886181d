"""Limits when and how often: back-off, deadlines, rates, fair queues, answers kept for a while."""
