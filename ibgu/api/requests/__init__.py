"""The parts that routes share: who calls, what they may see, how much they may ask, and checked
inputs."""
