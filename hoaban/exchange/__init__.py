"""Data between agencies, and with the Government and the ministries."""
