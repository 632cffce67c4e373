-- delete_changed_users: recommendations without the rows of the users in changed_users.
delete from ${lists}
where user_id in (select user_id from changed_users)
