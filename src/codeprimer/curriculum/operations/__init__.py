"""The operations that programs are composed from, one module per kind of value."""
