"""What modernization changed: registry, frozen standards, decomposition, effects and their certainty, verdicts."""
