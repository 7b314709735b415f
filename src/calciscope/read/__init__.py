"""Files in, a :class:`~calciscope.domain.study.Study` out: volumes, what was not used, what was refused."""
