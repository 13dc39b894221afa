"""The web kit: how each service declares, answers, refuses and runs. The pure side of the contract never imports it."""
