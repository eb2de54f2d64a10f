//! `kinitro db`: what is made, what is said of it, and how it fails.

use std::fs;

use kinitro_tests::mounts::Disk;
use kinitro_tests::postgres::{self, new_database};
use kinitro_tests::{Program, kinitro, kinitro_binary, not_tested};

fn db(command: &str, url: &str) -> Program {
    kinitro(&format!("db {command}")).env("KINITRO_DATABASE_URL", url)
}

/// Makes a database and looks at it, from nothing to nothing.
fn life_of(url: &str) {
    let made = db("create", url).run().with_code(0);
    assert!(made.stdout.starts_with("Created the database "), "{}", made.stdout);
    let made = db("create", url).run().with_code(0);
    assert!(made.stdout.contains("is there already"), "{}", made.stdout);
    db("status", url).run().failed(3, &["no tables yet"], &["kinitro db init"]);
    for _ in 0..2 {
        let made = db("init", url).run().with_code(0);
        assert!(made.stdout.contains("up to date"), "{}", made.stdout);
    }
    let status = db("status", url).run().with_code(0);
    let lines: Vec<&str> = status.stdout.lines().skip(1).collect();
    let expected = [
        "Total evaluation cycles: 0 (0 failed)",
        "Unique miners evaluated: 0",
        "Latest completed cycle: none",
        "Running cycle: none",
        "Latest weights: none",
    ];
    assert_eq!(lines, expected);
    let status = db("status --json", url).run().with_code(0).json();
    assert_eq!(status["total_cycles"], 0);
    assert_eq!(status["latest_weights"], serde_json::Value::Null);
    assert!(status["database"].is_string(), "{status}");
    db("reset", url).run().failed(2, &["deletes everything"], &["--force"]);
    let reset = db("reset --force", url).run().with_code(0);
    assert!(reset.stdout.contains("made anew"), "{}", reset.stdout);
    let _ = db("status", url).run().with_code(0);
}

#[test]
fn the_life_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    life_of(&format!("sqlite:{}", folder.path().join("new/kinitro.db").display()));
}

#[test]
fn the_life_of_a_database_on_a_server() {
    if let Some(url) = new_database("kinitro db") {
        life_of(&url.replacen("postgresql://", "postgresql+asyncpg://", 1));
    }
}

#[test]
fn without_a_name_it_is_a_file_in_the_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let init = || kinitro("db init").env("XDG_DATA_HOME", folder.path());
    let _ = init().run().with_code(0);
    assert!(folder.path().join("kinitro/kinitro.db").is_file());
    kinitro("db init").without_env("HOME").run().failed(2, &["XDG_DATA_HOME"], &["postgresql://"]);
}

#[test]
fn old_tasks_are_deleted_on_demand() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("kinitro.db").display());
    db("prune", &url).run().failed(3, &["there is no database"], &["kinitro db create"]);
    let _ = db("create", &url).run().with_code(0);
    db("prune", &url).run().failed(3, &["no tables yet"], &["kinitro db init"]);
    let _ = db("init", &url).run().with_code(0);
    let pruned = db("prune --keep-cycles 0", &url).run().with_code(0);
    assert!(pruned.stdout.starts_with("Deleted 0 tasks of old cycles"), "{}", pruned.stdout);
}

#[test]
fn no_password_is_ever_repeated() {
    for url in [
        "postgresql://kinitro:s3cret@127.0.0.1:9/kinitro",
        "postgresql://kinitro:s3cret@127.0.0.1:99999/kinitro",
        "postgres:kinitro:s3cret@127.0.0.1",
        "mysql://kinitro:s3cret@127.0.0.1/kinitro",
    ] {
        for command in
            ["create", "init", "status", "prune", "reset", "reset --force", "init --help"]
        {
            let by_flag = kinitro(&format!("db {command}")).args(["--database-url", url]).run();
            for finished in [by_flag, db(command, url).run()] {
                let said = format!("{}{}", finished.stdout, finished.stderr);
                assert!(!said.contains("s3cret"), "{command} {url}:\n{said}");
            }
        }
    }
}

#[test]
fn what_cannot_be_used_is_told_with_what_to_do() {
    let nobody = "postgresql://kinitro:s3cret@127.0.0.1:9/kinitro";
    db("status", nobody).run().failed(3, &["the database"], &["is running"]);
    db("create", nobody).run().failed(3, &["the database"], &["is running"]);
    db("status", "sqlite:/nonexistent/kinitro.db").run().failed(
        3,
        &["there is no database /nonexistent/kinitro.db"],
        &["kinitro db create"],
    );
    // Not even root can make anything there.
    db("init", "sqlite:/proc/kinitro/kinitro.db").run().failed(3, &["/proc/kinitro"], &["db"]);
    db("init", "elsewhere").run().failed(2, &["scheme"], &["postgresql://", "sqlite:"]);
    let letter = tempfile::NamedTempFile::new().unwrap();
    fs::write(letter.path(), "Dear Sir or Madam, ".repeat(1000)).unwrap();
    let url = format!("sqlite:{}", letter.path().display());
    db("status", &url).run().failed(3, &["not a database"], &["backup"]);
}

#[test]
fn a_server_says_what_it_refuses() {
    let Some(url) = new_database("what a server refuses") else { return };
    db("status", &url).run().failed(3, &["does not exist"], &["kinitro db create"]);
    let (head, tail) = url.split_once('@').unwrap();
    let stranger = format!("{}:s3cret@{tail}", head.rsplit_once(':').unwrap().0);
    db("status", &stranger).run().failed(3, &["password authentication failed"], &["password"]);
}

#[test]
fn tables_of_another_version_are_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kinitro.db");
    let url = format!("sqlite:{}", path.display());
    let _ = db("init", &url).run().with_code(0);
    let change = |sql: &str| {
        let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); \
                      c.execute(sys.argv[2]); c.commit()";
        let python = Program::new("python3").args(["-c", script]).arg(&path).arg(sql);
        let _ = python.run().with_code(0);
    };
    change(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'newer', TRUE, x'00', 0)",
    );
    for command in ["status", "init"] {
        db(command, &url).run().failed(3, &["version of kinitro"], &["the version of kinitro"]);
    }
    change("UPDATE _sqlx_migrations SET version = 0 WHERE version = 1");
    change("DELETE FROM _sqlx_migrations WHERE version = 9999");
    db("status", &url).run().failed(3, &["version of kinitro"], &["kinitro"]);
}

#[test]
fn a_full_disk_is_told() {
    let Some(disk) = Disk::new(128) else {
        return not_tested("a full disk under a database, for want of permission to mount");
    };
    let path = disk.mount_point().join("kinitro.db");
    let init = disk.program(kinitro_binary()).args(["db", "init"]);
    let init = init.env("KINITRO_DATABASE_URL", format!("sqlite:{}", path.display()));
    init.run().failed(3, &["the disk of the database is full"], &["make room"]);
}

#[test]
fn a_server_that_is_stopped_is_told() {
    let Some(server) = postgres::Server::start("a server that is stopped") else { return };
    let url = server.new_database();
    for command in ["create", "init", "status"] {
        let _ = db(command, &url).run().with_code(0);
    }
    server.kill();
    db("status", &url).run().failed(3, &["the database"], &["is running"]);
    server.restart();
    let _ = db("status", &url).run().with_code(0);
}
