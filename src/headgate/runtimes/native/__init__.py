"""Stream filters as shared objects, over one stable C ABI: ``include/headgate_filter.h``."""
