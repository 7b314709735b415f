"""Settings that every test shares."""

from hypothesis import HealthCheck, settings

# The same examples on every machine, and no limit on time: a slow machine must not fail a law.
settings.register_profile(
    "calciscope",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("calciscope")
