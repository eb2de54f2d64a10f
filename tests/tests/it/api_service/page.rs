//! The page at `/docs`, in a real browser.

use std::sync::{Arc, Mutex};

use kinitro_tests::api::Api;
use kinitro_tests::relay::{Fate, Moment, Relay};
use kinitro_tests::{Program, not_tested};

use super::sqlite;

#[test]
fn a_browser_shows_every_endpoint_and_asks_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let found = std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join("chromium").exists())
    });
    if !found {
        not_tested("the page at /docs: there is no browser (Debian: apt-get install chromium)");
        return;
    }
    let api = Api::start(&sqlite(&folder), "");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let relay = Relay::start(&api.address, move |path, moment| {
        if moment == Moment::Asked {
            noted.lock().unwrap().push(path.to_owned());
        }
        Fate::Goes
    });
    let shown = Program::new("chromium")
        .args("--headless --no-sandbox --disable-gpu --no-first-run --dump-dom".split(' '))
        .args("--disable-dev-shm-usage --disable-background-networking".split(' '))
        .args("--enable-logging=stderr --virtual-time-budget=2000".split(' '))
        .arg(format!("--user-data-dir={}", folder.path().join("browser").display()))
        .arg(format!("{}/docs", relay.url))
        .env("HOME", folder.path())
        .run()
        .with_code(0);
    let (page, log) = (shown.stdout, shown.stderr);
    let document = api.get("/openapi.json").json();
    let paths = document["paths"].as_object().unwrap();
    for (path, methods) in paths {
        assert!(page.contains(path.as_str()), "{path} is not on the page");
        for answer in methods.as_object().unwrap().values() {
            let summary = answer["summary"].as_str().or(answer["description"].as_str()).unwrap();
            let first = summary.split(['.', '`', '&', '"']).next().unwrap();
            assert!(page.contains(first), "`{first}` of {path} is not on the page");
        }
    }
    assert!(paths.len() >= 10, "{document}");
    // What leads to another place on the page leads there.
    for link in page.split("href=\"#").skip(1) {
        let target = link.split('"').next().unwrap();
        assert!(page.contains(&format!("id=\"{target}\"")), "nothing is called {target}");
    }
    for complaint in ["CONSOLE", "Content Security Policy", "Refused to"] {
        assert!(!log.contains(complaint), "{log}");
    }
    let mut asked = asked.lock().unwrap().clone();
    asked.retain(|path| path != "/favicon.ico");
    assert_eq!(asked, ["/docs"]);
}
