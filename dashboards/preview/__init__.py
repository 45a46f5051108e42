"""The committed boards in a browser without a Grafana: a preview and a test bench for the panels that we use."""
