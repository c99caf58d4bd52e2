"""Where samples are made: in the loader's own thread, in worker threads, or in worker processes."""
