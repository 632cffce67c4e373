-- valid_rating(stars): the number as a rating of 0.5 to 5 stars in halves, null if it is none.
create or replace temp macro valid_rating(stars) as
case when stars between 0.5 and 5 and stars * 2 = floor(stars * 2) then stars::float end
