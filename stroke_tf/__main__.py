"""`python -m stroke_tf <door>`, for an environment whose scripts are not on the path."""

from stroke_tf.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
