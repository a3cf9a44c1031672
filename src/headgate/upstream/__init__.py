"""Clusters, hosts, load balancing, pools, limits."""
