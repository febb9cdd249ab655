"""What the benchmarks over HTTP share: a real server with data in it, peers, and load."""
