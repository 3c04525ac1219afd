"""Mail that the platform itself writes: refusals, approval requests, address notices."""
