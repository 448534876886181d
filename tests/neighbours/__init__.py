"""The real programs of the systems that ibgu lives beside, and tests on them."""
