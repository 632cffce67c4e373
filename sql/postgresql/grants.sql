-- grants: one row per right that the owner of the table $2 in the schema $1 has given to somebody, as the end of a
-- statement.
select
    rights.privilege_type as privilege,
    'to '
    || case when rights.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(rights.grantee)) end
    || case when rights.is_grantable then ' with grant option' else '' end as receiver
from pg_catalog.pg_class as tables
inner join pg_catalog.pg_namespace as schemas on tables.relnamespace = schemas.oid
cross join lateral aclexplode(tables.relacl) as rights
where schemas.nspname = $1 and tables.relname = $2 and rights.grantee != tables.relowner
