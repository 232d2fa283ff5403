"""The province's policy pack, for either engine."""
