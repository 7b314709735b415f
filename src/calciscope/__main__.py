"""``python -m calciscope`` is ``calciscope``, for where scripts are not on the path."""

from calciscope.cli import main

if __name__ == "__main__":
    main()
