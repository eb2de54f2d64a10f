//! The OpenAPI document, and a page that shows it.

use std::fmt::Write as _;

use serde_json::Value;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::routes;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Kinitro backend",
        description = "Weights and scores of a subnet, and the queue of its evaluation. \
                       Everything is JSON; errors are {\"detail\": ...}. A client that sends too \
                       many requests gets 429 with Retry-After.",
        license(name = "MIT", identifier = "MIT")
    ),
    paths(
        routes::health,
        routes::status,
        routes::latest_weights,
        routes::weights_of_block,
        routes::latest_scores,
        routes::scores_of_cycle,
        routes::miners,
        routes::environments,
        routes::fetch,
        routes::renew,
        routes::submit,
        routes::stats,
        routes::metrics,
    ),
    components(schemas(routes::Detail)),
    modifiers(&Key)
)]
struct Document;

/// The key of executors.
struct Key;

impl utoipa::Modify for Key {
    fn modify(&self, document: &mut OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(bearer));
    }
}

/// The OpenAPI document of the API.
pub fn document() -> OpenApi {
    Document::openapi()
}

const STYLE: &str =
    "body { font: 16px/1.5 sans-serif; max-width: 50em; margin: 2em auto; padding: 0 1em }
h2 { font-size: 1em; font-family: monospace; margin: 2em 0 0 }
pre { background: #8881; padding: 1em; overflow: auto }";

/// The document as a self-contained HTML page.
pub(super) fn page() -> String {
    let document = serde_json::to_value(document()).unwrap_or_default();
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <title>{title}</title>\n<style>{STYLE}</style>\n<h1>{title}</h1>\n<p>{description}</p>\n\
         <p>The same for programs: <a href=\"/openapi.json\">/openapi.json</a></p>\n",
        title = text(&document["info"]["title"]),
        description = text(&document["info"]["description"]),
    );
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            section(&mut page, path, method, operation);
        }
    }
    page.push_str("<h1>Schemas</h1>\n");
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        let json = serde_json::to_string_pretty(schema).unwrap_or_default();
        let name = escape(name);
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            page,
            "<details id=\"{name}\"><summary>{name}</summary><pre>{}</pre></details>",
            escape(&json)
        );
    }
    page
}

fn section(page: &mut String, path: &str, method: &str, operation: &Value) {
    let key = if operation.get("security").is_some() { " (key)" } else { "" };
    let method = method.to_ascii_uppercase();
    let _ = writeln!(page, "<h2>{method} {}{key}</h2>", escape(path));
    let _ = writeln!(page, "<p>{}</p>\n<ul>", text(&operation["summary"]));
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let (name, what) = (text(&parameter["name"]), text(&parameter["description"]));
        let _ = writeln!(page, "<li><code>{name}</code>: {what}</li>");
    }
    let _ = write!(page, "{}", schema("body", &operation["requestBody"]));
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let what = format!("{status}: {}", text(&response["description"]));
        let _ = write!(page, "{}", schema(&what, response));
    }
    let _ = writeln!(page, "</ul>");
}

/// A line that describes a body, with a link to its schema.
fn schema(what: &str, content: &Value) -> String {
    let Some(reference) = content.pointer("/content/application~1json/schema/$ref") else {
        return if content.is_null() { String::new() } else { format!("<li>{what}</li>\n") };
    };
    let name = text(reference);
    let name = name.rsplit('/').next().unwrap_or_default();
    format!("<li>{what} <a href=\"#{name}\">{name}</a></li>\n")
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");

    #[test]
    fn the_document_is_up_to_date() {
        let mut document = serde_json::to_string_pretty(&document()).unwrap();
        document.push('\n');
        if std::env::var_os("KINITRO_UPDATE_DOCS").is_some() {
            std::fs::write(FILE, &document).unwrap();
        }
        let committed = std::fs::read_to_string(FILE).unwrap_or_default();
        assert_eq!(committed, document, "docs/openapi.json is out of date: run `make docs`");
    }

    #[test]
    fn every_reference_leads_somewhere_and_names_are_those_of_the_json() {
        let document = serde_json::to_value(document()).unwrap();
        for reference in document.to_string().split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer} is not in the document");
        }
        let status = &document["components"]["schemas"]["CycleStatus"]["enum"];
        assert_eq!(*status, serde_json::json!(["pending", "running", "completed", "failed"]));
    }

    #[test]
    fn the_page_has_every_path_and_loads_nothing() {
        let page = page();
        for path in document().paths.paths.keys() {
            assert!(page.contains(path), "{path} is not on the page");
        }
        for loading in ["src=", "@import", "url(", "<script", "<link", "http://", "https://"] {
            assert!(!page.contains(loading), "the page has {loading}");
        }
        for reference in page.split("href=\"#").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(page.contains(&format!("id=\"{name}\"")), "{name} is not on the page");
        }
    }
}
