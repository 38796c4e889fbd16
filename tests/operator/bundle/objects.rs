//! Databases with objects that the importing side does not have or may not create: the message says so, and nothing is left.

use e2e::{TestTenant, World, database::connect};

use super::{Folder, command, failed, run, succeeded, text};

/// A tenant whose application has created an object, and the groups of its roles.
fn tenant() -> TestTenant {
    let tenant = World::for_bundles().tenant();
    let mut owner = connect(&tenant.database_credential("owner")).unwrap();
    owner.batch_execute("CREATE TABLE notes (body text); INSERT INTO notes VALUES ('a')").unwrap();
    tenant
}

/// Runs statements in the database of a tenant as a superuser.
fn as_superuser(tenant: &TestTenant, statements: &str) {
    let statements = statements.replace("{owner}", &format!("{}_owner", tenant.database()));
    let world = World::for_bundles();
    world.services.superuser(&tenant.database()).batch_execute(&statements).unwrap();
}

/// Asserts that a copy fails with each of these texts, and leaves nothing.
#[track_caller]
fn assert_refused(tenant: &TestTenant, texts: &[&str]) {
    let world = World::for_bundles();
    let slug = e2e::unique("refused");
    let output = run(world, &["tenant", "clone", &tenant.slug, &slug]);
    for expected in texts {
        failed(&output, expected);
    }
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    let left = "SELECT count(*) FROM tenants WHERE slug = $1";
    let row = world.services.superuser("tenancy").query_one(left, &[&slug]).unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
    let path = "/api/v1/tenant/info";
    tenant.get(path).token(&tenant.admin.access_token).send().expect(200);
}

#[test]
fn missing_extension_is_named() {
    let tenant = tenant();
    as_superuser(
        &tenant,
        "CREATE EXTENSION citext SCHEMA public; CREATE EXTENSION hstore SCHEMA public;
         ALTER TABLE app.notes ADD COLUMN name public.citext",
    );
    assert_refused(
        &tenant,
        &[
            "needs the extensions citext (in the schema public), hstore (in the schema public)",
            "database for copies",
        ],
    );
    // The same for an import and a restore, whose tenant keeps its database.
    let folder = Folder::new();
    folder.export(&tenant, "bundle");
    let other = World::other_installation();
    let options = ["--from-other-installation"];
    failed(&folder.import(other, "bundle", &options), "needs the extensions citext");
    let (file, identity) = (folder.file("bundle"), folder.file("identity"));
    let restore = ["backup", "restore", &file, "--identity", &identity, "--tenant", &tenant.slug];
    failed(&run(World::for_bundles(), &restore), "needs the extensions citext");
    as_superuser(&tenant, "SELECT name FROM app.notes");
    // Without them, the same tenant is copied.
    as_superuser(
        &tenant,
        "ALTER TABLE app.notes DROP COLUMN name; DROP EXTENSION citext; DROP EXTENSION hstore",
    );
    let slug = e2e::unique("copy");
    let cloned = run(World::for_bundles(), &["tenant", "clone", &tenant.slug, &slug]);
    assert_eq!(succeeded(&cloned)["imported_tenant"], slug.as_str());
}

#[test]
fn extension_in_the_applications_schema_is_refused_at_the_export() {
    let tenant = tenant();
    as_superuser(&tenant, "CREATE EXTENSION citext SCHEMA app");
    assert_refused(&tenant, &["citext", "move them to the schema public"]);
}

#[test]
fn object_that_the_application_cannot_read_is_named() {
    let tenant = tenant();
    as_superuser(&tenant, "CREATE TABLE app.foreign_table (secret text)");
    assert_refused(&tenant, &["permission denied for table foreign_table", "Change its owner"]);
    as_superuser(&tenant, "DROP TABLE app.foreign_table");
}

#[test]
fn object_that_the_application_cannot_create_is_named() {
    for (statements, reason) in [
        // Only a superuser may use this language.
        (
            "CREATE FUNCTION app.low_level(text) RETURNS text LANGUAGE internal AS 'upper';
             ALTER FUNCTION app.low_level(text) OWNER TO {owner}",
            "permission denied for language internal",
        ),
        // The server of the table is not part of a schema.
        (
            "CREATE FOREIGN DATA WRAPPER files;
             CREATE SERVER files FOREIGN DATA WRAPPER files;
             CREATE FOREIGN TABLE app.remote (line text) SERVER files;
             ALTER FOREIGN TABLE app.remote OWNER TO {owner}",
            "server \"files\" does not exist",
        ),
    ] {
        let tenant = tenant();
        as_superuser(&tenant, statements);
        assert_refused(&tenant, &[reason, "with the rights of the application's owner"]);
    }
}

#[test]
fn backup_of_unreadable_object_fails_for_its_tenant_only() {
    let tenant = tenant();
    as_superuser(&tenant, "CREATE TABLE app.foreign_table (secret text)");
    let folder = Folder::new();
    let backups = folder.file("backups");
    let create =
        ["backup", "create", &backups, "--tenant", &tenant.slug, "--recipient", &folder.recipient];
    let output = command(World::for_bundles(), &create).output().unwrap();
    failed(&output, "permission denied for table foreign_table");
    assert_eq!(std::fs::read_dir(&backups).unwrap().count(), 0, "no incomplete file is left");
}
