-- folded_title(words): a title in small letters, without accents, punctuation and the articles of English.
create or replace temp macro folded_title(words) as
regexp_replace(
    regexp_replace(lower(strip_accents(words)), '^(the|a|an) |, (the|a|an)\b', '', 'g'), '[^\pL\pN ]', '', 'g'
)
