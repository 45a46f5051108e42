"""The front door: commands, settings, wiring, processes and the one clock."""
