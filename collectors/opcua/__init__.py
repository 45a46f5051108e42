"""Machines behind an OPC UA server: subscription to spool, acknowledged only after storing."""
