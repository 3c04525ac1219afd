"""The decision about a mail: the facts it asks for, the rules, and the plan that comes of them."""
