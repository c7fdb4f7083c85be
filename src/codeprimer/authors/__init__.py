"""Authors, which write textbook sections and exercises from blueprints."""
