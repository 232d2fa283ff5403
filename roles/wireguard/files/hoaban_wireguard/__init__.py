"""What the role wireguard puts on a host: tunnels, ways around them, probes of lines."""
