"""Commands about content that goes along with an upgrade: they read files, and no hub."""
