"""A folder that goes on PYTHONPATH; see sitecustomize.py in it."""
