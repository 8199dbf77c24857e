"""What a project from the template costs, compared with doing without it."""
