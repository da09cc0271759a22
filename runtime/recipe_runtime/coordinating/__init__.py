"""The coordinator's state for one endpoint: its limits, divided among the workers that ask it. No sockets here."""
