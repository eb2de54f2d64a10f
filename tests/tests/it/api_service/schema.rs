//! The API against its own document: what it does not allow is refused, every answer is of the form
//! that it names, and nothing is an internal error.

use std::time::Duration;

use kinitro_tests::api::{Api, KEY};
use kinitro_tests::{Program, not_tested, workspace};

use super::{begin_cycle, sqlite};

#[test]
fn the_api_does_what_its_document_says() {
    let program = workspace().join("target/schemathesis/bin/schemathesis");
    if !program.is_file() {
        let missing = "run scripts/schemathesis.sh";
        return not_tested(&format!("the API against its OpenAPI document: {missing}"));
    }
    let folder = tempfile::tempdir().unwrap();
    let api = Api::start(&sqlite(&folder), "--rate-limit 0");
    begin_cycle(&sqlite(&folder), 2, 5);
    let finished = Program::new(program)
        .args(["run", &format!("http://{}/openapi.json", api.address)])
        .args(["--header", &format!("Authorization: Bearer {KEY}")])
        // Ids and outcomes have forms that the document says in words only, so that not all it
        // allows is taken.
        .args(["--exclude-checks=positive_data_acceptance"])
        .args(["--max-examples=20", "--workers=1", "--seed=1", "--no-color"])
        // It keeps notes where it runs.
        .env("HOME", folder.path())
        .current_dir(folder.path())
        .limit(Duration::from_secs(240))
        .run()
        .with_code(0);
    assert!(finished.stdout.contains("Tested: 13"), "{}", finished.stdout);
}
