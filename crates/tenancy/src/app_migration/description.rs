//! The schema `app` as lines of text, for the comparison of databases.

use platform::sql::{Connection, SqlError};

use crate::error::Result;

/// The tables with their columns, constraints, indexes, triggers and policies, views, sequences, functions and types.
/// Owners and privileges differ between tenants, and so do the objects of extensions.
const LINES: &str = "
    WITH relations AS (
        SELECT c.oid, c.relname, c.relkind, c.relrowsecurity FROM pg_class c
        WHERE c.relnamespace = to_regnamespace('app') AND c.relname <> 'tenancy_migrations'
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    )
    SELECT format('%s %s', CASE relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table'
                           WHEN 'f' THEN 'foreign table' END, relname)
           || CASE WHEN relrowsecurity THEN ' with row security' ELSE '' END AS line
    FROM relations WHERE relkind IN ('r', 'p', 'f')
    UNION ALL
    SELECT format('column %s.%s %s%s%s%s', r.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                  CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
                  CASE WHEN a.attidentity <> '' THEN ' IDENTITY' ELSE '' END,
                  COALESCE(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), ''))
    FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE r.relkind IN ('r', 'p', 'f')
    UNION ALL
    SELECT format('constraint %s.%s %s', r.relname, c.conname, pg_get_constraintdef(c.oid))
    FROM relations r JOIN pg_constraint c ON c.conrelid = r.oid
    UNION ALL
    SELECT 'index ' || pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END
    FROM relations r JOIN pg_index i ON i.indrelid = r.oid
    UNION ALL
    SELECT 'trigger ' || pg_get_triggerdef(t.oid)
    FROM relations r JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
    UNION ALL
    SELECT format('policy %s.%s %s %s %s', r.relname, p.polname, p.polcmd, pg_get_expr(p.polqual, p.polrelid),
                  pg_get_expr(p.polwithcheck, p.polrelid))
    FROM relations r JOIN pg_policy p ON p.polrelid = r.oid
    UNION ALL
    SELECT format('%s %s %s', CASE relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END, relname,
                  pg_get_viewdef(oid))
    FROM relations WHERE relkind IN ('v', 'm')
    UNION ALL
    SELECT 'sequence ' || relname FROM relations WHERE relkind = 'S'
    UNION ALL
    SELECT 'function ' || pg_get_functiondef(p.oid) FROM pg_proc p
    WHERE p.pronamespace = to_regnamespace('app') AND p.prokind IN ('f', 'p')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    UNION ALL
    SELECT format('type %s %s', t.typname,
                  (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e
                   WHERE e.enumtypid = t.oid))
    FROM pg_type t
    WHERE t.typnamespace = to_regnamespace('app') AND t.typtype IN ('e', 'd', 'r')
    ORDER BY 1";

/// Returns the schema `app` of a database as sorted lines. Each object is one line. The names and texts belong to the
/// tenant, so characters that control a terminal become spaces.
pub async fn describe(database: &dyn Connection) -> Result<Vec<String>> {
    let rows = database.query(LINES, &[]).await?;
    let lines =
        rows.iter().map(|row| Ok(row.get::<String>("line")?.replace(char::is_control, " ")));
    let mut lines = lines.collect::<Result<Vec<_>, SqlError>>()?;
    // The order of the database depends on its locale.
    lines.sort();
    Ok(lines)
}

/// Returns the lines that only one of two descriptions has, with `-` for those that are missing in `actual` and `+` for
/// the additional ones.
pub fn difference(wanted: &[String], actual: &[String]) -> Vec<String> {
    let missing =
        wanted.iter().filter(|line| !actual.contains(line)).map(|line| format!("- {line}"));
    let added = actual.iter().filter(|line| !wanted.contains(line)).map(|line| format!("+ {line}"));
    missing.chain(added).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn difference_names_missing_and_additional_lines() {
        let lines =
            |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let found = difference(&lines(&["a", "b"]), &lines(&["b", "c"]));
        assert_eq!(found, ["- a", "+ c"]);
        assert!(difference(&lines(&["a"]), &lines(&["a"])).is_empty());
    }
}
