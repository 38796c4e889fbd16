#!/bin/bash
# Runs once, on the first start of PostgreSQL: the account of the service, its catalog, and the database for copies.
set -euo pipefail
psql -v ON_ERROR_STOP=1 --username postgres --dbname postgres \
  -v service="$TENANCY_PASSWORD" -v proxy="$PGBOUNCER_PASSWORD" <<'SQL'
CREATE ROLE tenancy LOGIN CREATEDB CREATEROLE PASSWORD :'service';
CREATE ROLE pgbouncer LOGIN PASSWORD :'proxy';
CREATE DATABASE tenancy OWNER tenancy;
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE postgres TO tenancy;
GRANT SET ON PARAMETER temp_file_limit TO tenancy;
CREATE DATABASE tenancy_base TEMPLATE template0 ENCODING 'UTF8' IS_TEMPLATE true;
REVOKE ALL ON DATABASE tenancy_base FROM PUBLIC;
\connect tenancy_base
\i /deploy/postgres/large-objects.sql
\i /deploy/pgbouncer/auth.sql
SQL
