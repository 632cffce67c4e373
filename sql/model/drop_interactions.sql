-- drop_interactions: interactions serve the building of the tables alone.
drop view interactions
