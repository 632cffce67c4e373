"""What an app asks of the published tables, held in memory: recommendations, people, movies and clusters."""
