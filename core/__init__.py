"""The workshop: plant, samples, order, fold, facts, KPIs. Pure: no files, sockets, clocks or event loops."""
