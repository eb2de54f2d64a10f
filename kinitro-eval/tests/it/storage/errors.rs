//! What is said when a database cannot be used.

use std::fs;

use kinitro_eval::backend::storage::{
    DatabaseUrl, Schema, StoreError, StoreErrorKind, connect, create,
};

use super::databases::{SqliteFile, postgres, postgres_url};

/// All that is said of an error, causes included.
fn words(error: &StoreError) -> String {
    let mut words = format!("{error} {error:?}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words += &error.to_string();
        cause = error.source();
    }
    words
}

#[tokio::test]
async fn a_file_that_is_not_there_is_not_made_by_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::sqlite(folder.path().join("new/kinitro.db"));
    let error = connect(&url).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NoDatabase, "{error}");
    assert!(create(&url).await.unwrap());
    assert!(!create(&url).await.unwrap(), "it was made twice");
    let store = connect(&url).await.unwrap();
    assert_eq!(store.schema().await.unwrap(), Schema::Missing);
    let error = store.overview().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::SchemaMissing, "{error}");
}

#[tokio::test]
async fn a_file_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.txt");
    let text = "Dear Sir or Madam, ".repeat(1000);
    fs::write(&path, &text).unwrap();
    let error = connect(&DatabaseUrl::sqlite(&path)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains("letter.txt"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    let error = create(&DatabaseUrl::sqlite(path.join("kinitro.db"))).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Permission, "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn others_cannot_read_the_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let database = SqliteFile::new().await;
    let mode = fs::metadata(database.url().file().unwrap()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Changes the list of applied migrations by hand.
async fn tamper(sql: &str) -> StoreError {
    let database = SqliteFile::new().await;
    let store = database.connect().await;
    store.init().await.unwrap();
    let path = database.url().file().unwrap().to_owned();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    let schema = store.schema().await.unwrap();
    let error = store.init().await.unwrap_err();
    let expected = if sql.starts_with("INSERT") { Schema::New } else { Schema::Current };
    assert_eq!(schema, expected);
    error
}

#[tokio::test]
async fn tables_of_another_version_are_left_alone() {
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
                 execution_time) VALUES (9999, 'newer', TRUE, x'00', 0)";
    let other = "UPDATE _sqlx_migrations SET checksum = x'00'";
    for sql in [newer, other] {
        let error = tamper(sql).await;
        assert_eq!(error.kind(), StoreErrorKind::SchemaNew, "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_to_be_unreachable() {
    // Nobody listens on the port for discarding things.
    let url: DatabaseUrl = "postgresql://kinitro:s3cret@127.0.0.1:9/kinitro".parse().unwrap();
    for error in [connect(&url).await.unwrap().ping().await, create(&url).await.map(drop)] {
        let error = error.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unreachable, "{error}");
        assert!(error.is_transient());
        assert!(!words(&error).contains("s3cret"), "{}", words(&error));
    }
}

#[tokio::test]
async fn a_server_says_what_it_refuses() {
    let Some(database) = postgres("what a server refuses").await else { return };
    let store = database.connect().await;
    assert_eq!(store.schema().await.unwrap(), Schema::Missing);
    let error = store.overview().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::SchemaMissing, "{error}");
    assert!(!create(&database.url).await.unwrap(), "it was made twice");

    let url = postgres_url("no_such_database").unwrap();
    let error = connect(&url.parse().unwrap()).await.unwrap().ping().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NoDatabase, "{error}");

    let (head, tail) = url.split_once('@').unwrap();
    let user = head.rsplit_once(':').unwrap().0;
    let url: DatabaseUrl = format!("{user}:s3cret@{tail}").parse().unwrap();
    let error = connect(&url).await.unwrap().ping().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Authentication, "{error}");
    assert!(!words(&error).contains("s3cret"), "{}", words(&error));
}

#[tokio::test]
async fn two_processes_may_make_the_tables_at_once() {
    let file = SqliteFile::new().await;
    let mut stores = vec![(file.connect().await, file.connect().await)];
    if let Some(database) = postgres("tables made twice at once").await {
        stores.push((database.connect().await, database.connect().await));
    }
    for (one, other) in stores {
        let (first, second) = tokio::join!(one.init(), other.init());
        first.unwrap();
        second.unwrap();
        assert_eq!(one.schema().await.unwrap(), Schema::Current);
    }
}
