"""Where batches live: slots of warm memory, and the messages that say what is in them."""
