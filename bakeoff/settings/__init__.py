"""The configuration, read and checked once, passed down as one object."""

FILE_VARIABLE = "BAKEOFF_CONFIG"  #: the environment variable that names the configuration file
