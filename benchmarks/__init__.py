"""What fastload is worth, measured: one question a file, torch and fastload in the same run.

``python -m benchmarks`` runs everything and writes RESULTS.md; for development there is
``python -m benchmarks transport --quick``.
"""
