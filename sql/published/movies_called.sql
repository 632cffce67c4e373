-- movies_called: one row per movie that people may mean by $text, the most favourited first. how is 0 for those that
-- are called just so, with the year or without, 1 for the others whose titles have all of its words, 2 for those with
-- the nearest titles, the nearest first. Case, accents, punctuation and the articles of English make no difference.
with titles as (
    select
        movie_id,
        title,
        folded_title(title) as folded,
        folded_title(regexp_replace(title, ' \(\d{4}\)$', '')) as name
    from movies
),

asked as (
    select folded_title($text) as folded
),

words as (
    select distinct unnest(string_split_regex(folded, ' +')) as word
    from asked
),

with_all_words as (
    select titles.movie_id
    from titles
    inner join words on contains(titles.folded, words.word)
    where words.word != ''
    group by titles.movie_id
    having count(*) = (
        select count(*)
        from words as wanted
        where wanted.word != ''
    )
),

judged as (
    select
        titles.movie_id,
        titles.title,
        jaro_winkler_similarity(titles.name, asked.folded) as similarity,
        case
            when asked.folded in (titles.folded, titles.name) then 0
            when with_all_words.movie_id is not null then 1
            else 2
        end as how
    from titles
    cross join asked
    left join with_all_words using (movie_id)
)

select
    judged.movie_id,
    judged.title,
    judged.how
from judged
left join overall_favourites using (movie_id)
where judged.how < 2 or judged.similarity > 0.7
qualify judged.how < 2 or row_number() over (partition by judged.how order by judged.similarity desc, movie_id) <= 5
order by
    judged.how,
    case when judged.how = 2 then judged.similarity end desc,
    overall_favourites.rank,
    judged.movie_id
