"""Tables of deliveries and of what suppresses them."""
