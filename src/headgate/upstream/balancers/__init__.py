"""The load balancers that ship; importing this package registers them."""

from headgate.upstream.balancers import least_request, random_pick, round_robin, weighted_round_robin

__all__ = ["least_request", "random_pick", "round_robin", "weighted_round_robin"]
