"""The routes of a server, by resource."""
