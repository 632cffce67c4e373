-- similar_to(movie_id, n := 20): up to n movies that are similar to one, the most similar first, of those stored in
-- similar_movies.
create or replace macro similar_to(movie_id, n := 20) as table
    select
        similar_movies.rank,
        movies.movie_id,
        movies.title,
        movies.genres,
        similar_movies.similarity
    from similar_movies
    inner join movies on similar_movies.similar_movie_id = movies.movie_id
    where similar_movies.movie_id = movie_id and similar_movies.rank <= n
    order by similar_movies.rank
