"""What an integrator takes: it imports the published language (`shared.contracts`) and nothing else of ours."""
