"""What chapters of the report are made of: blocks, charts, and figures in words; a stage declares its chapter with them."""
