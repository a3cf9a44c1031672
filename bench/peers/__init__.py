"""The proxies that are measured, one file each: all write a configuration for the same task and start the program on it."""
