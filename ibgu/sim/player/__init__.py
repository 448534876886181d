"""Plays a fleet of pure clusters against a hub."""

from ibgu.sim.player.cleanup import clean_up, remove_works
from ibgu.sim.player.player import Player
from ibgu.sim.player.setup import ForeignCluster
from ibgu.sim.player.simulate import simulate

__all__ = ["ForeignCluster", "Player", "clean_up", "remove_works", "simulate"]
