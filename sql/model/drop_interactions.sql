-- drop_interactions: interactions are needed only while the tables are built.
drop view interactions
