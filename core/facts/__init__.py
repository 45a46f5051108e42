"""What the fold writes: columns with units, and how they add up."""
