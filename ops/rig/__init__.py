"""What tests, benches and the demo share: servers, processes and people of their own, and ways to wait."""
