"""Tables about the deployment itself and its processes."""
