"""Regular upkeep: leases on rows, the relay of events, removing what nothing refers to."""
