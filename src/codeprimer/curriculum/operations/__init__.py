"""The operations from which programs are composed, one module per kind of value."""
