"""Events run by staff and by the schedule."""
